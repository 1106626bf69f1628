"""What the commands that read the audit log share: where it is, how it is shown, how they end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn

import click
import msgspec

from policy.explanation import printable
from proxy.audit.event import told
from proxy.audit.layout import JOURNAL_FILE
from proxy.audit.log import find
from proxy.audit.reader import AmbiguousIdError, Record
from proxy.commands.options import DEFAULT_CONFIG, configuration

DEFAULT_DIRECTORY = Path("/var/lib/alleyes/audit")
NOT_FOUND = 1
UNREADABLE = 2
LONGEST = 1000
"""Characters of a value that are shown."""


def location(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--directory` and `--config`."""
    for option in (
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


def at_log(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of `location`, and give the command the directory that they stand for, as `place`."""

    @wraps(command)
    def run(*, directory: Path | None, config: Path | None, **given: Any) -> Any:
        return command(place=log_directory(directory, config), **given)

    return location(run)


def form(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `-o`."""
    return click.option(
        "-o", "--output", type=click.Choice(["human", "json"]), default="human", help="Form of output."
    )(command)


def log_directory(directory: Path | None, config: Path | None) -> Path:
    """Return where the log is, from what `location` added."""
    if directory is not None and config is not None:
        raise click.UsageError("give --directory or --config, not both")
    if directory is not None:
        return directory
    if config is not None or DEFAULT_CONFIG.exists():
        return configuration(config or DEFAULT_CONFIG).state_directory / "audit"
    return DEFAULT_DIRECTORY


@contextmanager
def readable(place: Path) -> Iterator[None]:
    """End with one line where the log cannot be read."""
    try:
        yield
    except FileNotFoundError:
        end(f"{place / JOURNAL_FILE} does not exist; give the right --directory or --config", UNREADABLE)
    except OSError as error:
        end(f"{place} cannot be read: {error.strerror or error}", UNREADABLE)


def end(message: str, code: int) -> NoReturn:
    """Print one line and end."""
    click.echo(f"alleyes: {message}", err=True)
    raise SystemExit(code)


def found(place: Path, identifier: str) -> Record:
    """Return the record with an id that may be cut short, or end."""
    with readable(place):
        try:
            record = find(place, identifier)
        except AmbiguousIdError as error:
            end(f"{error}; give more of it", NOT_FOUND)
    if record is None:
        end(f"no record with the id {printable(identifier)} in {place}", NOT_FOUND)
    return record


def shown(value: object, length: int = LONGEST) -> str:
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


def line_of(record: Record) -> str:
    """Return a record as one line for a person."""
    data = record.data
    time = shown(data.get("time"))
    if data.get("kind") != "verdict":
        return f"{time}  {shown(data.get('kind')):<10}  {shown(data.get('sentence'))}"
    action, would_be = shown(data.get("action")), shown(data.get("would_be"))
    mark = "!" if data.get("alert") is True else " "
    both = action if action == would_be else f"{action} ({would_be})"
    return f"{time} {mark}{both:<10}  {shown(data.get('id'))}  {shown(told(data))}"
