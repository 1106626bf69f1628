"""`alleyes audit`: read the audit log and check that nobody changed it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import click
import msgspec

from policy.explanation import printable
from proxy.audit.event import told
from proxy.audit.layout import JOURNAL_FILE
from proxy.audit.log import find, follow, newest, verify
from proxy.audit.reader import AmbiguousIdError, Record
from proxy.audit.verify import Report
from proxy.commands.options import DEFAULT_CONFIG, configuration

DEFAULT_DIRECTORY = Path("/var/lib/alleyes/audit")
_LONGEST = 1000
_NOT_FOUND = 1
_UNREADABLE = 2


@click.group()
def audit() -> None:
    """Read the audit log and check its chain of hashes."""


def _location(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--directory`, `--config` and `-o`."""
    for option in (
        click.option("-o", "--output", type=click.Choice(["human", "json"]), default="human", help="Form of output."),
        click.option(
            "--config",
            type=click.Path(path_type=Path, dir_okay=False),
            help=f"The gateway's configuration; {DEFAULT_CONFIG} where that exists, else {DEFAULT_DIRECTORY} is read.",
        ),
        click.option(
            "--directory",
            type=click.Path(path_type=Path, file_okay=False),
            help="Directory of the audit log, instead of --config.",
        ),
    ):
        command = option(command)
    return command


@audit.command()
@click.option("-n", "--lines", type=click.IntRange(min=0), default=10, show_default=True, help="How many records.")
@click.option("-f", "--follow", "following", is_flag=True, help="Wait for more and print them, until interrupted.")
@_location
def tail(*, lines: int, following: bool, directory: Path | None, config: Path | None, output: str) -> None:
    """Print the newest records."""
    place = _directory(directory, config)
    with _readable(place), suppress(KeyboardInterrupt):
        for record in follow(place, lines) if following else newest(place, lines):
            click.echo(_line(record) if output == "human" else record.line)


@audit.command()
@click.argument("identifier", metavar="ID")
@_location
def show(*, identifier: str, directory: Path | None, config: Path | None, output: str) -> None:
    """Print one record with every feature and every term. ID may be cut short as long as it is unique."""
    place = _directory(directory, config)
    with _readable(place):
        try:
            record = find(place, identifier)
        except AmbiguousIdError as error:
            _end(f"{error}; give more of it", _NOT_FOUND)
        if record is None:
            _end(f"no record with the id {printable(identifier)} in {place}", _NOT_FOUND)
        click.echo("\n".join(_sheet(record.data)) if output == "human" else record.line)


@audit.command("verify")
@_location
def verify_command(*, directory: Path | None, config: Path | None, output: str) -> None:
    """Check every chain whole; exit code 1 if a record was changed, taken out or put in."""
    place = _directory(directory, config)
    with _readable(place):
        reports = verify(place)
    whole = all(report.ok for report in reports.values())
    if output == "json":
        chains = [{"ok": report.ok, "directory": str(chain), **asdict(report)} for chain, report in reports.items()]
        click.echo(msgspec.json.encode({"ok": whole, "chains": chains}))
    else:
        for chain, report in reports.items():
            for line in _told(report, chain):
                click.echo(line)
    if not whole:
        raise SystemExit(_NOT_FOUND)


def _directory(directory: Path | None, config: Path | None) -> Path:
    if directory is not None and config is not None:
        raise click.UsageError("give --directory or --config, not both")
    if directory is not None:
        return directory
    if config is not None or DEFAULT_CONFIG.exists():
        return configuration(config or DEFAULT_CONFIG).state_directory / "audit"
    return DEFAULT_DIRECTORY


@contextmanager
def _readable(place: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        _end(f"{place / JOURNAL_FILE} does not exist; give the right --directory or --config", _UNREADABLE)
    except OSError as error:
        _end(f"{place} cannot be read: {error.strerror or error}", _UNREADABLE)


def _end(message: str, code: int) -> NoReturn:
    click.echo(f"alleyes: {message}", err=True)
    raise SystemExit(code)


def _text(value: object, length: int = _LONGEST) -> str:
    """Return a value of a record for the terminal; records hold what strangers sent."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.4g}"
        case str():
            return printable(value, length)
        case _:
            return printable(msgspec.json.encode(value).decode(), length)


def _line(record: Record) -> str:
    data = record.data
    time = _text(data.get("time"))
    if data.get("kind") != "verdict":
        return f"{time}  {_text(data.get('kind')):<10}  {_text(data.get('sentence'))}"
    action, would_be = _text(data.get("action")), _text(data.get("would_be"))
    mark = "!" if data.get("alert") is True else " "
    shown = action if action == would_be else f"{action} ({would_be})"
    return f"{time} {mark}{shown:<10}  {_text(data.get('id'))}  {_text(told(data))}"


def _sheet(data: dict[str, Any]) -> Iterator[str]:
    """Yield a record as lines of names and values, nested things indented."""
    yield _text(told(data))
    yield ""
    yield from _members({name: value for name, value in data.items() if name != "sentence"}, "")


def _members(data: dict[str, Any], indent: str) -> Iterator[str]:
    width = max((len(name) for name in data), default=0)
    for name, value in data.items():
        label = f"{indent}{_text(name):<{width}}"
        if isinstance(value, dict) and value:
            yield label.rstrip()
            yield from _members(value, indent + "  ")
        elif isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
            for index, each in enumerate(value):
                yield f"{indent}{_text(name)} {index}"
                yield from _members(each, indent + "  ")
        else:
            yield f"{label}  {_text(value)}"


def _told(report: Report, place: Path) -> Iterator[str]:
    if report.first is None:
        yield f"{place / JOURNAL_FILE}: {report.records} records, the chain is whole"
    else:
        found = report.first
        yield f"{place / found.file}: DAMAGED at line {found.line}: {found.record} {found.message} ({found.damage})"
        yield f"{report.records} whole records, {report.damages} damaged places; later ones may follow from the first"
    if (incident := report.last_incident) is not None:
        yield (
            f"{report.incidents} times the log itself accounts for something that it lost, last in {incident.file}"
            f" at line {incident.line}: {printable(incident.sentence, _LONGEST)}"
        )
    if report.unfinished_bytes:
        yield f"{report.unfinished_bytes} bytes at the end are not a whole record yet; the next start accounts for them"
