"""`alleyes federate`: a federation service."""

from __future__ import annotations

import asyncio
import resource
import signal
from pathlib import Path

import click

from policy.loading import DocumentError
from proxy import logs, privileges
from proxy.clocks import EventClock, RealEventClock, real_now
from proxy.collector import spare_the_collector
from proxy.commands.options import refuse
from proxy.event_loop import new_event_loop
from proxy.federation.configuration import FederationDocument, load_federation
from proxy.federation.service.authority import Authority, AuthorityError
from proxy.federation.service.server import FederationService
from proxy.federation.service.stores import store_of
from proxy.federation.storage.base import StoreError
from proxy.preflight import PRIVILEGED_PORTS
from proxy.storage.ownership import make_directory

DEFAULT_FEDERATION = Path("/etc/alleyes/federation.yaml")
federation_option = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    default=DEFAULT_FEDERATION,
    show_default=True,
    help="The service's configuration.",
)
_OTHER_FILES = 256
"""Files that a process has open beside its connections."""


def federation_document(path: Path) -> FederationDocument:
    """Load federation.yaml, or end with its problems."""
    try:
        return load_federation(path)
    except DocumentError as error:
        refuse(str(problem) for problem in error.problems)


def become_service(document: FederationDocument) -> None:
    """Make the state directory, and be whom it belongs to.

    Raises:
        OSError: it cannot be made.
        privileges.PrivilegesError: root may not become its owner.
    """
    if not document.state_directory.exists():
        make_directory(document.state_directory)
    privileges.become_owner_of(document.state_directory)


def serve(document: FederationDocument, clock: EventClock | None = None) -> None:
    """Run a federation service until it is told to end; end with exit code 2 and one line if it cannot start.

    Args:
        document: `federation.yaml`.
        clock: Event time; real time by default, as it is set at any moment.
    """
    logs.configure()
    try:
        become_service(document)
        privileges.drop([privileges.NET_BIND_SERVICE] if document.listen.port < PRIVILEGED_PORTS else [])
        _allow_files(document.limits.connections + _OTHER_FILES)
        authority = Authority.of(document.authority, document.state_directory, real_now())
        running = _run(document, authority, clock or RealEventClock())
        asyncio.run(running, loop_factory=new_event_loop)
    except (AuthorityError, StoreError, privileges.PrivilegesError) as error:
        refuse([str(error)])
    except OSError as error:
        listen = document.listen
        place = error.filename or f"{listen.address} port {listen.port}"
        refuse([f"{place}: {error.strerror} -- correct `listen` or `state_directory`, or end the other process"])


async def _run(document: FederationDocument, authority: Authority, clock: EventClock) -> None:
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    service = FederationService(document, authority, store_of(document), clock)
    sparing = asyncio.create_task(_spare_the_collector(service))
    try:
        await service.run(ending)
    finally:
        sparing.cancel()


async def _spare_the_collector(service: FederationService) -> None:
    """Have what is there looked at no more: as much again once all is read, of as many origins as there are."""
    spare_the_collector()
    await service.loaded()
    spare_the_collector()


def _allow_files(wanted: int) -> None:
    """Have as many files open as connections need, as far as the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


@click.command("federate")
@federation_option
def command(config: Path) -> None:
    """Run a federation service in the foreground, until SIGTERM."""
    serve(federation_document(config))
