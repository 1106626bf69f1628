"""`alleyes federation`: a gateway's share in a federation, and what came from there."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click
import msgspec

from policy.printable import printable
from proxy.audit.event import rfc3339
from proxy.clocks import real_now
from proxy.commands import federation_members, federation_status
from proxy.commands.options import config_option, configuration, refuse
from proxy.commands.running_gateway import ask
from proxy.configuration import state_directory_of
from proxy.control.messages import NewPin
from proxy.federation.client.archive import ArchiveError, opened
from proxy.federation.client.comparison import compare as compared
from proxy.federation.client.connection import ServiceError
from proxy.federation.client.enrolment import enrol
from proxy.federation.client.versions import Kept, UnknownVersionError
from proxy.health import HealthFile, NotServing

_NOT_SERVING = 1
_LONGEST_TOKEN = 4096

output_option = click.option(
    "-o", "--output", type=click.Choice(["human", "json"]), default="human", help="Form of output."
)


@click.group("federation")
def federation() -> None:
    """Take part in a federation and see what came of it, or say who may."""


@federation.command()
@click.option("--service", required=True, help="URL of the service, such as https://federation.example.org:8470.")
@click.option(
    "--token",
    prompt="Token",
    hide_input=True,
    help="One-time token from the service's operator; `-` reads it from standard input. Left out: asked for.",
)
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="For certificate and key. Default: as gateway.yaml says, or `federation` in its state directory.",
)
@config_option
def enroll(*, service: str, token: str, directory: Path | None, config: Path) -> None:
    """Get a certificate from a federation service.

    The token tells which service it is for: another one that answers in its place is noticed. The key is made here,
    and does not leave this machine. A gateway with a section `federation` renews its certificate by itself.
    """
    place = _directory(config) if directory is None else directory
    if token == "-":  # noqa: S105 -- where it is, and not a token
        token = sys.stdin.readline(_LONGEST_TOKEN).strip()
    try:
        enrolled = asyncio.run(enrol(service, token, place))
    except ValueError as error:
        refuse([f"--token: {error} -- give it as `alleyes federation invite` printed it"])
    except ServiceError as error:
        refuse([str(error)])
    except OSError as error:
        refuse(
            [f"{error.filename or place}: {error.strerror} -- run this as root, or name a directory with --directory"]
        )
    until = rfc3339(enrolled.not_after).partition("T")[0]
    click.echo(f"alleyes: enrolled as {printable(enrolled.origin)}, until {until}; certificate and key are in {place}")


@federation.command("status")
@output_option
@config_option
def status_(config: Path, output: str) -> None:
    """Show how the gateway gets on with the service, and which models of others are in force."""
    now = real_now()
    try:
        status = HealthFile(state_directory_of(config)).read(now).federation
    except NotServing as problem:
        click.echo(f"alleyes: {problem}", err=True)
        raise SystemExit(_NOT_SERVING) from None
    if output == "json":
        click.echo(msgspec.json.encode(status).decode())
    elif status is None:
        click.echo("this gateway shares its models with nobody: gateway.yaml has no section `federation`")
    else:
        click.echo("\n".join(federation_status.full(status, now)))


@federation.command()
@click.argument("service_type", metavar="TYPE")
@output_option
@config_option
def versions(service_type: str, config: Path, output: str) -> None:
    """List the versions that are kept of what others know of a service type, the newest first."""
    try:
        with opened(state_directory_of(config)) as archive:
            kept = archive.kept(service_type)
            types = archive.types()
    except ArchiveError as error:
        refuse([str(error)])
    if not kept:
        refuse([f"there is no version of {printable(service_type)}; there are of: {', '.join(types) or 'nothing'}"])
    if output == "json":
        click.echo(msgspec.json.encode([_as_json(each) for each in kept]).decode())
    else:
        click.echo("\n".join(federation_status.versions(kept, real_now())))


@federation.command()
@click.argument("service_type", metavar="TYPE")
@click.argument("before", metavar="V1")
@click.argument("after", metavar="V2")
@output_option
@config_option
def compare(*, service_type: str, before: str, after: str, config: Path, output: str) -> None:
    """Show which relationships came, went or changed between two versions, by name or number."""
    try:
        with opened(state_directory_of(config)) as archive:
            names = [archive.named(service_type, each) for each in (before, after)]
            one, other = (archive.others(service_type, each) for each in names)
    except (ArchiveError, UnknownVersionError) as error:
        refuse([str(error)])
    found = compared(service_type, one, other)
    if output == "json":
        click.echo(msgspec.json.encode(found).decode())
    else:
        click.echo("\n".join(federation_status.comparison(found)))


@federation.command()
@click.argument("service_type", metavar="TYPE")
@click.argument("version", metavar="VERSION")
@config_option
def pin(service_type: str, version: str, config: Path) -> None:
    """Use a version of what others know of a service type from now on; newer ones are kept, but not used."""
    made = ask(config, lambda gateway: gateway.pin(NewPin(service_type=service_type, version=version)))
    click.echo(f"alleyes: {printable(made.service_type)}: {printable(made.version)} is in force until it is unpinned")


@federation.command()
@click.argument("service_type", metavar="TYPE")
@config_option
def unpin(service_type: str, config: Path) -> None:
    """Use the newest version of what others know of a service type again."""
    made = ask(config, lambda gateway: gateway.unpin(service_type))
    newest = f"{printable(made.version)} is in force" if made.version else "others have nothing of it any more"
    click.echo(f"alleyes: {printable(made.service_type)}: {newest}")


def _directory(config: Path) -> Path:
    document = configuration(config)
    return document.state_directory / "federation" if document.federation is None else document.federation.directory


def _as_json(kept: Kept) -> dict[str, object]:
    return kept._asdict()


for command in (federation_members.invite, federation_members.origins, federation_members.revoke):
    federation.add_command(command)
