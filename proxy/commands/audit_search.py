"""`alleyes audit search` and `export`."""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import click
import msgspec

from models.access import Operation
from policy.duration import seconds as length_of
from policy.verdict import Action
from proxy.audit.ecs import ecs
from proxy.audit.event import Kind, rfc3339, seconds
from proxy.audit.ocsf import ocsf
from proxy.audit.query import Query
from proxy.audit.search import after, search
from proxy.clocks import real_now
from proxy.commands.audit_log import (
    UNREADABLE,
    at_log,
    end,
    form,
    found,
    line_of,
    readable,
)

_FORMS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {"ecs": ecs, "ocsf": ocsf}
_SAVE_AFTER = 1000
"""Records between two notes of the position."""


def _time(text: str) -> str | None:
    """Return a time as records have it: from RFC 3339, or from how long ago it was; None if it is neither."""
    with contextlib.suppress(ValueError):
        return rfc3339(seconds(text))
    with contextlib.suppress(ValueError):
        return rfc3339(real_now() - length_of(text))
    return None


def _wanted_time(_context: click.Context, _parameter: click.Parameter, text: str | None) -> str | None:
    if text is None or (time := _time(text)) is not None:
        return None if text is None else time
    raise click.BadParameter(f"{text!r} is neither a time like 2026-11-23T07:30:00Z nor a span like 90s, 15m, 2h or 7d")


_SINCE = click.option(
    "--since", callback=_wanted_time, metavar="TIME", help="From that time on: RFC 3339, or how long ago: 15m, 2h, 7d."
)


@click.command("search")
@_SINCE
@click.option("--until", callback=_wanted_time, metavar="TIME", help="Before that time.")
@click.option("--kind", type=click.Choice([each.value for each in Kind]), help="Kind of record.")
@click.option("--sender", help="Address, network address or client id of who called.")
@click.option("--type", "service_type", help="Service type of who called, e.g. /doorLock.")
@click.option("--destination", help="Address or service type of who was called, or address of the node.")
@click.option("--operation", type=click.Choice([each.value for each in Operation]), help="What it did.")
@click.option("--action", type=click.Choice([each.value for each in Action]), help="What became of the call.")
@click.option("--would-be", type=click.Choice([each.value for each in Action]), help="What enforcing would have done.")
@click.option("--reason", help="A reason of docs/refusals.md, or `normal` or `anomalous`.")
@click.option("--min-av", "least_av", type=click.FloatRange(min=0), help="Anomaly value of at least that.")
@click.option("--text", help="Text somewhere in the record or its sentence.")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many at most.")
@form
@at_log
def search_command(*, limit: int, place: Path, output: str, **fields: str | float | None) -> None:
    """Print the records that fit, newest first; through all chains and rotated files."""
    query = msgspec.convert(fields, Query)
    with readable(place):
        for record in itertools.islice(search(place, query), limit):
            click.echo(line_of(record) if output == "human" else record.line)


@click.command("export")
@click.option("--format", "name", type=click.Choice([*_FORMS]), required=True, help="ECS 8.17 or OCSF 1.5.")
@click.option("--since", help="From that time on, or after the record with that id.")
@click.option(
    "--position",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File that remembers how far the log was exported; the next export with it goes on from there.",
)
@click.option(
    "--to", "target", type=click.Path(path_type=Path, dir_okay=False), help="File to append to; else standard output."
)
@at_log
def export_command(*, name: str, since: str | None, position: Path | None, target: Path | None, place: Path) -> None:
    """Print all records, oldest first, as newline-delimited JSON in a form that others read."""
    query, identifier = _beginning(place, since)
    positions = _read(position)
    convert = _FORMS[name]
    with readable(place), _output(target) as out:
        for count, (chain, number, record) in enumerate(after(place, query, positions), start=1):
            if identifier is None or record.data.get("id") != identifier:
                out.write(msgspec.json.encode(convert(record.data)) + b"\n")
            positions[chain] = number
            if count % _SAVE_AFTER == 0:
                out.flush()
                _save(position, positions)
        out.flush()
        _save(position, positions)


def _output(target: Path | None) -> contextlib.AbstractContextManager[BinaryIO]:
    if target is None:
        return contextlib.nullcontext(sys.stdout.buffer)
    try:
        return target.open("ab")
    except OSError as error:
        end(f"{target} cannot be written: {error.strerror}", UNREADABLE)


def _beginning(place: Path, since: str | None) -> tuple[Query, str | None]:
    """Return from which time on, and the id of the record that is not wanted any more."""
    if since is None:
        return Query(), None
    if (time := _time(since)) is not None:
        return Query(since=time), None
    data = found(place, since).data
    return Query(since=str(data.get("time"))), str(data.get("id"))


def _read(path: Path | None) -> dict[str, int]:
    if path is None:
        return {}
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, int])
    except FileNotFoundError:
        return {}
    except OSError as error:
        end(f"{path} cannot be read: {error.strerror}", UNREADABLE)
    except (msgspec.DecodeError, UnicodeDecodeError):
        end(f"{path}: is not a position of an export; give another file, or remove it", UNREADABLE)


def _save(path: Path | None, positions: dict[str, int]) -> None:
    if path is None:
        return
    fresh = path.with_name(f"{path.name}.new")
    try:
        with fresh.open("wb") as file:
            file.write(msgspec.json.encode(positions))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        end(f"{path} cannot be written: {error.strerror}", UNREADABLE)
