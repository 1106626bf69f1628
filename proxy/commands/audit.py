"""`alleyes audit`: read the audit log and check that nobody changed it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import msgspec

from policy.explanation import printable
from proxy.audit import signed_heads
from proxy.audit.event import told
from proxy.audit.keys import KeyProblem, PublicKey
from proxy.audit.layout import JOURNAL_FILE, PUBLIC_KEY_FILE, SIGNED_FILE
from proxy.audit.log import follow, newest, verify
from proxy.audit.signatures import Signatures
from proxy.audit.statement import Signed
from proxy.audit.verify import Report
from proxy.commands.audit_log import (
    LONGEST,
    NOT_FOUND,
    UNREADABLE,
    at_log,
    end,
    form,
    found,
    line_of,
    readable,
    shown,
)
from proxy.commands.audit_search import export_command, search_command


@click.group()
def audit() -> None:
    """Read the audit log and check its chain of hashes."""


audit.add_command(search_command)
audit.add_command(export_command)


@audit.command()
@click.option("-n", "--lines", type=click.IntRange(min=0), default=10, show_default=True, help="How many records.")
@click.option("-f", "--follow", "following", is_flag=True, help="Wait for more and print them, until interrupted.")
@form
@at_log
def tail(*, lines: int, following: bool, place: Path, output: str) -> None:
    """Print the newest records."""
    with readable(place), suppress(KeyboardInterrupt):
        for record in follow(place, lines) if following else newest(place, lines):
            click.echo(line_of(record) if output == "human" else record.line)


@audit.command()
@click.argument("identifier", metavar="ID")
@form
@at_log
def show(*, identifier: str, place: Path, output: str) -> None:
    """Print one record with every feature and every term. ID may be cut short as long as it is unique."""
    record = found(place, identifier)
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
@form
@at_log
def verify_command(*, key_file: Path | None, kept_file: Path | None, place: Path, output: str) -> None:
    """Check every chain whole; exit code 1 if a record was changed, taken out or put in."""
    key = _public_key(place, key_file)
    kept = _kept(kept_file)
    if kept and key is None:
        end("signatures can only be checked with the public key; give it with --key", UNREADABLE)
    with readable(place):
        checked = verify(place, key, kept)
    if output == "json":
        chains = [
            {"ok": report.ok, "directory": str(chain), **asdict(report)} for chain, report in checked.chains.items()
        ]
        signatures = {
            "key": checked.signatures.key,
            "statements": checked.signatures.statements,
            "newest": checked.signatures.newest,
            "problem": checked.signatures.problem,
        }
        click.echo(msgspec.json.encode({"ok": checked.ok, "chains": chains, "signatures": signatures}))
    else:
        for chain, report in checked.chains.items():
            for line in _told(report, chain):
                click.echo(line)
        click.echo(_told_signatures(checked.signatures, place))
    if not checked.ok:
        raise SystemExit(NOT_FOUND)


@audit.command("key")
@form
@at_log
def key_command(*, place: Path, output: str) -> None:
    """Print the public key that signatures are checked with, to be kept elsewhere."""
    key = _public_key(place, None)
    if key is None:
        end(f"{place / PUBLIC_KEY_FILE} does not exist: no gateway has started with this log yet", UNREADABLE)
    if output == "json":
        click.echo(msgspec.json.encode({"name": key.name, "pem": key.pem().decode()}))
    else:
        click.echo(key.pem(), nl=False)


@audit.command("heads")
@form
@at_log
def heads_command(*, place: Path, output: str) -> None:
    """Print the newest signed statement about all chains, to be kept elsewhere and given to `verify --heads`."""
    with readable(place):
        signed = signed_heads.read(place / SIGNED_FILE)
    if signed is None:
        end(f"{place / SIGNED_FILE} is missing or damaged", UNREADABLE)
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
        end(f"{path} does not exist", UNREADABLE)
    except OSError as error:
        end(f"{path or place / PUBLIC_KEY_FILE} cannot be read: {error.strerror}", UNREADABLE)
    except KeyProblem as error:
        end(str(error), UNREADABLE)


def _kept(path: Path | None) -> list[Signed]:
    if path is None:
        return []
    try:
        return [msgspec.json.decode(line, type=Signed) for line in path.read_bytes().splitlines() if line]
    except OSError as error:
        end(f"{path} cannot be read: {error.strerror}", UNREADABLE)
    except (msgspec.DecodeError, UnicodeDecodeError):
        end(f"{path}: is not what `alleyes audit heads -o json` prints", UNREADABLE)


def _sheet(data: dict[str, Any]) -> Iterator[str]:
    """Yield a record as lines of names and values, nested things indented."""
    yield shown(told(data))
    yield ""
    yield from _members({name: value for name, value in data.items() if name != "sentence"}, "")


def _members(data: dict[str, Any], indent: str) -> Iterator[str]:
    width = max((len(name) for name in data), default=0)
    for name, value in data.items():
        label = f"{indent}{shown(name):<{width}}"
        if isinstance(value, dict) and value:
            yield label.rstrip()
            yield from _members(value, indent + "  ")
        elif isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
            for index, each in enumerate(value):
                yield f"{indent}{shown(name)} {index}"
                yield from _members(each, indent + "  ")
        else:
            yield f"{label}  {shown(value)}"


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
            f" at line {incident.line}: {printable(incident.sentence, LONGEST)}"
        )
    if report.unfinished_bytes:
        yield f"{report.unfinished_bytes} bytes at the end are not a whole record yet; the next start accounts for them"
