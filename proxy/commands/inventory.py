"""`alleyes inventory`: draft inventory.yaml from what is seen of the site, and compare it with that."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec

from policy.loading import DocumentError
from proxy.clocks import real_now
from proxy.commands.new_file import write_new
from proxy.commands.options import config_option, configuration, refuse
from proxy.configuration import GatewayDocument, InventoryDocument, load_inventory
from proxy.inventory.draft import draft
from proxy.inventory.evidence import Evidence, gather
from proxy.inventory.findings import findings
from proxy.inventory.leases import USUAL_PLACES
from proxy.tokens import SHORTEST, hash_of

_FOUND = 1
_LONGEST_TOKEN = 4096


@click.group()
def inventory() -> None:
    """Draft inventory.yaml from what is seen of the site, and check it against that."""


def _leases_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--leases",
        type=click.Path(path_type=Path, dir_okay=False),
        multiple=True,
        help="File with DHCP leases of dnsmasq, ISC dhcpd or Kea; may be given again. By default the usual places.",
    )(command)


@inventory.command()
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write it there; an existing file is left alone.")
@click.option("--merge", is_flag=True, help="Draft only what the present inventory lacks.")
@_leases_option
@config_option
def discover(*, config: Path, leases: tuple[Path, ...], merge: bool, output: Path | None) -> None:
    """Print a draft of inventory.yaml: what traffic, leases, neighbours and access points show, each line with why."""
    document = configuration(config)
    present = _present(document) if merge else None
    text = draft(_evidence(document, leases), document, present, pinning=present or _pinning(document))
    if output is None:
        click.echo(text, nl=False)
        return
    write_new(output, text, otherwise=", or merge by hand what --merge shows")
    click.echo(f"alleyes: {output} is drafted; review every line", err=True)


@inventory.command()
@click.option("-o", "--output", type=click.Choice(["human", "json"]), default="human", help="Form of output.")
@_leases_option
@config_option
def check(*, config: Path, leases: tuple[Path, ...], output: str) -> None:
    """Compare inventory.yaml with traffic, leases, neighbours and access points. Exit code 1: there are differences."""
    document = configuration(config)
    present = _present(document)
    evidence = _evidence(document, leases)
    found = findings(present, evidence, document)
    for problem in evidence.problems:
        click.echo(f"alleyes: missing evidence: {problem}", err=True)
    if output == "json":
        click.echo(msgspec.json.encode({"findings": found, "missing_evidence": evidence.problems}).decode())
    else:
        for finding in found:
            click.echo(f"{finding.kind}: {finding.text}")
        if not found:
            click.echo(f"alleyes: {document.inventory} agrees with all that is seen")
    if found:
        raise SystemExit(_FOUND)


@inventory.command()
def token() -> None:
    """Print the hash of an API token, for `tokens` in inventory.yaml; the token is read from standard input."""
    given = sys.stdin.readline(_LONGEST_TOKEN + 1).strip(" \t\r\n")
    if len(given) < SHORTEST or len(given) > _LONGEST_TOKEN:
        found = f"a token has {SHORTEST} to {_LONGEST_TOKEN} characters, and {len(given)} were read from standard input"
        refuse([f"{found} -- what is shorter can be guessed from its hash: let the middleware give out another one"])
    if " " in given or not given.isprintable():
        found = "what was read from standard input has blanks or control characters, which no token has"
        refuse(
            [f"{found} -- give the token alone, without the word before it (Bearer, Basic, Token) and without a name"]
        )
    click.echo(hash_of(given))


def _present(document: GatewayDocument) -> InventoryDocument:
    try:
        return load_inventory(document.inventory)
    except DocumentError as error:
        refuse(str(problem) for problem in error.problems)


def _pinning(document: GatewayDocument) -> InventoryDocument:
    """Return the inventory that says which keys count at some addresses only; an empty one where there is none."""
    if not document.inventory.exists():
        return InventoryDocument()
    try:
        return load_inventory(document.inventory)
    except DocumentError as error:
        click.echo(f"alleyes: its `only_here` is not minded, as it cannot be read: {error.problems[0]}", err=True)
        return InventoryDocument()


def _evidence(document: GatewayDocument, leases: tuple[Path, ...]) -> Evidence:
    files = leases or tuple(place for place in USUAL_PLACES if place.exists())
    return gather(document, files, real_now())
