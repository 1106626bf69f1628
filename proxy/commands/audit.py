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
from proxy.audit import signed_heads
from proxy.audit.event import told
from proxy.audit.keys import KeyProblem, PublicKey
from proxy.audit.layout import JOURNAL_FILE, PUBLIC_KEY_FILE, SIGNED_FILE
from proxy.audit.log import find, follow, newest, verify
from proxy.audit.reader import AmbiguousIdError, Record
from proxy.audit.signatures import Signatures
from proxy.audit.statement import Signed
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
@click.option(
    "--key",
    "key_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The gateway's public key, as `alleyes audit key` printed it when all was well; else that beside the log.",
)
@click.option(
    "--heads",
    "kept_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="What `alleyes audit heads -o json` printed before, a line for each: the log must still agree with it.",
)
@_location
def verify_command(
    *, key_file: Path | None, kept_file: Path | None, directory: Path | None, config: Path | None, output: str
) -> None:
    """Check every chain whole; exit code 1 if a record was changed, taken out or put in."""
    place = _directory(directory, config)
    key = _public_key(place, key_file)
    kept = _kept(kept_file)
    if kept and key is None:
        _end("signatures can only be checked with the public key; give it with --key", _UNREADABLE)
    with _readable(place):
        found = verify(place, key, kept)
    if output == "json":
        chains = [
            {"ok": report.ok, "directory": str(chain), **asdict(report)} for chain, report in found.chains.items()
        ]
        signatures = {
            "key": found.signatures.key,
            "statements": found.signatures.statements,
            "newest": found.signatures.newest,
            "problem": found.signatures.problem,
        }
        click.echo(msgspec.json.encode({"ok": found.ok, "chains": chains, "signatures": signatures}))
    else:
        for chain, report in found.chains.items():
            for line in _told(report, chain):
                click.echo(line)
        click.echo(_told_signatures(found.signatures, place))
    if not found.ok:
        raise SystemExit(_NOT_FOUND)


@audit.command("key")
@_location
def key_command(*, directory: Path | None, config: Path | None, output: str) -> None:
    """Print the public key that signatures are checked with, to be kept elsewhere."""
    place = _directory(directory, config)
    key = _public_key(place, None)
    if key is None:
        _end(f"{place / PUBLIC_KEY_FILE} does not exist: no gateway has started with this log yet", _UNREADABLE)
    if output == "json":
        click.echo(msgspec.json.encode({"name": key.name, "pem": key.pem().decode()}))
    else:
        click.echo(key.pem(), nl=False)


@audit.command("heads")
@_location
def heads_command(*, directory: Path | None, config: Path | None, output: str) -> None:
    """Print the newest signed statement about all chains, to be kept elsewhere and given to `verify --heads`."""
    place = _directory(directory, config)
    with _readable(place):
        signed = signed_heads.read(place / SIGNED_FILE)
    if signed is None:
        _end(f"{place / SIGNED_FILE} is missing or damaged", _UNREADABLE)
    if output == "json":
        click.echo(msgspec.json.encode(signed))
    else:
        click.echo(f"{signed.statement}signature {signed.signature}")


def _public_key(place: Path, path: Path | None) -> PublicKey | None:
    """Return the key of a file, or the one beside the log, or None where there is none."""
    try:
        return PublicKey.read(path or place / PUBLIC_KEY_FILE)
    except FileNotFoundError:
        if path is None:
            return None
        _end(f"{path} does not exist", _UNREADABLE)
    except OSError as error:
        _end(f"{path or place / PUBLIC_KEY_FILE} cannot be read: {error.strerror}", _UNREADABLE)
    except KeyProblem as error:
        _end(str(error), _UNREADABLE)


def _kept(path: Path | None) -> list[Signed]:
    if path is None:
        return []
    try:
        return [msgspec.json.decode(line, type=Signed) for line in path.read_bytes().splitlines() if line]
    except OSError as error:
        _end(f"{path} cannot be read: {error.strerror}", _UNREADABLE)
    except (msgspec.DecodeError, UnicodeDecodeError):
        _end(f"{path}: is not what `alleyes audit heads -o json` prints", _UNREADABLE)


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


def _told_signatures(found: Signatures, place: Path) -> str:
    if found.key is None:
        return f"signatures: not checked, as {place / PUBLIC_KEY_FILE} is not there; give the public key with --key"
    if (problem := found.problem) is not None:
        return (
            f"signatures: DAMAGED: {place / problem.file} line {problem.line}: {problem.record} {problem.message}"
            f" ({problem.damage}); key {found.key}"
        )
    newest = "" if found.newest is None else f", the newest of {found.newest.time}"
    return f"signatures: {found.statements} statements of key {found.key} are right{newest}"


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
