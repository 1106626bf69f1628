"""`alleyes policy import`: rules drafted from what others know of a device."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from proxy.commands.options import refuse
from proxy.mud.file import MudError
from proxy.mud.file import read as read_mud
from proxy.mud.prior import draft, prior
from proxy.registry import ROOT_TYPE


def _peers(_context: click.Context, _parameter: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for value in values:
        uri, equals, service_type = value.rpartition("=")
        if not equals or not uri or not service_type.startswith("/"):
            raise click.BadParameter(f"{value!r} names no URI and type; write e.g. https://maker.example/hub=/hub")
        if found.setdefault(uri, service_type) != service_type:
            raise click.BadParameter(f"{uri} cannot be both {found[uri]} and {service_type}")
    return found


@click.group("import")
def import_() -> None:
    """Draft rules from a description of a device."""


@import_.command("mud")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--type",
    "service_type",
    metavar="TYPE",
    required=True,
    help="Service type of the device, e.g. /lightControler; a file that is for another one is refused.",
)
@click.option(
    "--peer",
    "peers",
    metavar="URI=TYPE",
    multiple=True,
    callback=_peers,
    help="Service type of a controller, model or manufacturer that the file names; may be repeated.",
)
def mud(*, file: Path, service_type: str, peers: dict[str, str]) -> None:
    """Print rules that expect what a Manufacturer Usage Description (RFC 8520) says; review them.

    They are a prior: what they match is not refused for being new, but for its rate, place, value or order.
    """
    try:
        described = read_mud(file.read_bytes())
        found = prior(described, service_type, peers, ROOT_TYPE)
    except OSError as error:
        refuse([f"{file}: {error.strerror or error}; give a MUD file"])
    except MudError as error:
        refuse([f"{file}: {error}"])
    click.echo(draft(found, str(file), described.about.mud_url), nl=False)
