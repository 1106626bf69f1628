"""A federation service process: puts its parts together, and runs them until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable

import structlog
from aiohttp import web

from proxy.clocks import EventClock, real_now
from proxy.federation.configuration import FederationDocument
from proxy.federation.service.accepting import Acceptor
from proxy.federation.service.application import Endpoints, Gate, application, routes
from proxy.federation.service.authentication import Callers
from proxy.federation.service.authority import Authority
from proxy.federation.service.bodies import Bodies
from proxy.federation.service.connections import Connections
from proxy.federation.service.deciding import Decisions
from proxy.federation.service.endpoints.candidates import AcceptanceEndpoint, CandidateEndpoint
from proxy.federation.service.endpoints.contributions import ContributionEndpoint
from proxy.federation.service.endpoints.enrolments import EnrolmentEndpoint
from proxy.federation.service.endpoints.models import ModelEndpoint
from proxy.federation.service.endpoints.operation import OperationEndpoint
from proxy.federation.service.endpoints.origins import OriginEndpoint
from proxy.federation.service.expulsion import Expulsion
from proxy.federation.service.feed import Feed
from proxy.federation.service.limits import Rates, Slots
from proxy.federation.service.longpoll import LongPolls
from proxy.federation.service.metrics import Metrics
from proxy.federation.service.notes import Notes
from proxy.federation.service.pools import Pools
from proxy.federation.service.protocol import Protocol
from proxy.federation.service.publishing import Publishing
from proxy.federation.service.readiness import Readiness
from proxy.federation.service.revocations import Revocations
from proxy.federation.service.tls import ServerTls
from proxy.federation.service.upstream import Upstream
from proxy.federation.service.waiting import Changes
from proxy.federation.storage.base import Store

_GRACE = 5.0
"""Seconds that requests have to end when the service is stopped."""
_LINGER = 2.0
"""Seconds for which the rest of a refused body is read, so that its sender reads the answer."""
_HOUR = 3600.0
_BACKLOG = 1024

_SILENT = logging.getLogger("alleyes.federation.access")
"""There is no log of accesses: there are metrics, and what callers do wrong is noted."""
_SILENT.disabled = True

log = structlog.get_logger("alleyes")


class FederationService:
    """One process."""

    def __init__(self, document: FederationDocument, authority: Authority, store: Store, clock: EventClock) -> None:
        """Put the parts together; nothing is opened yet.

        Args:
            document: `federation.yaml`.
            authority: The service's CA.
            store: Where contributions are kept.
            clock: Event time.
        """
        self._document = document
        self._store = store
        self._tls = ServerTls(document, authority)
        limits = document.limits
        changes, metrics, notes, bodies = Changes(), Metrics(), Notes(time.monotonic), Bodies(limits)
        self._pools = Pools(document.role, limits, changes, clock)
        self._feed = Feed(store, self._pools)
        self._revocations = Revocations(store, time.monotonic)
        self._expulsion = Expulsion(store, self._revocations, self._feed, changes, real_now)
        self._decisions = Decisions(store, self._feed, self._pools, changes, clock)
        self._upstream = Upstream(document, self._pools, self._feed, clock, real_now)
        slots, rates = Slots(limits), Rates(limits.requests_per_second, limits.burst)
        callers = self._callers = Callers(store, self._revocations, real_now, time.monotonic)
        self._polls = LongPolls(limits, slots, changes, callers)
        publishing = Publishing(store, self._feed, real_now)
        endpoints = Endpoints(
            contributions=ContributionEndpoint(
                self._pools, publishing, bodies, rates, clock, document.margin, metrics, notes
            ),
            models=ModelEndpoint(self._pools, self._polls, rates, clock),
            candidates=CandidateEndpoint(publishing, bodies, rates, clock, document.margin, metrics, notes),
            acceptances=AcceptanceEndpoint(store, self._decisions, self._polls),
            enrolments=EnrolmentEndpoint(document, authority, store, callers, bodies, slots, metrics, notes, real_now),
            origins=OriginEndpoint(store, self._expulsion),
            operation=OperationEndpoint(
                Readiness(store, time.monotonic),
                self._feed,
                self._pools,
                self._revocations,
                self._upstream,
                slots,
                metrics,
                lambda: self._connections,
            ),
        )
        gate = Gate(limits, callers, rates, slots, self._feed, metrics, lambda: self._connections)
        self.routes = routes(gate, endpoints)
        """What can be asked."""
        self._runner = web.AppRunner(
            application(gate, self.routes),
            handle_signals=False,
            handler_cancellation=True,
            shutdown_timeout=_GRACE,
        )
        self._connections: Connections
        self._acceptor: Acceptor

    async def loaded(self) -> None:
        """Wait until everything that was stored when the process started is in memory."""
        await self._feed.loaded.wait()

    async def run(self, ending: asyncio.Event, ready: Callable[[int], None] | None = None) -> None:
        """Serve until `ending` is set; `ready` is told the port once callers can connect.

        Raises:
            StoreError: the store cannot be opened.
            OSError: the listener cannot be opened, or the state directory not be written.
        """
        await self._store.open()
        try:
            self._expulsion.resume(await self._revocations.look())
            self._tls.renew(real_now())
            async with self._listening() as port, self._working():
                log.info("serving", role=self._document.role, port=port, names=self._document.names)
                if ready is not None:
                    ready(port)
                await ending.wait()
                log.info("ending")
                self._polls.end()
        finally:
            await self._store.close()

    @contextlib.asynccontextmanager
    async def _listening(self) -> AsyncIterator[int]:
        await self._runner.setup()
        server = self._runner.server
        assert server is not None  # noqa: S101 -- so after `setup`
        limits, loop = self._document.limits, asyncio.get_running_loop()
        protocol = functools.partial(
            Protocol,
            server,
            loop=loop,
            access_log=_SILENT,
            auto_decompress=False,
            keepalive_timeout=limits.idle_seconds,
            lingering_time=_LINGER,
            max_line_size=limits.head_bytes,
            max_field_size=limits.head_bytes,
        )
        self._connections = Connections(protocol, limits, self._callers)
        listen = self._document.listen
        with _socket(str(listen.address), listen.port, shared=listen.shared) as opened:
            opened.setblocking(False)  # noqa: FBT003 -- so Python has it
            opened.listen(_BACKLOG)
            self._acceptor = Acceptor(opened, self._connections, self._tls.context)
            try:
                yield opened.getsockname()[1]
            finally:
                await self._runner.cleanup()

    @contextlib.asynccontextmanager
    async def _working(self) -> AsyncIterator[None]:
        """Run what goes on beside requests; a defect in it ends the process, to be started again whole."""
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(work)
                for work in (
                    self._feed.follow(),
                    self._revocations.follow(self._expulsion.tell),
                    self._expulsion.follow(),
                    self._decisions.follow(),
                    self._decisions.decide(self._upstream.decides, alone=self._document.role == "site"),
                    self._upstream.keep(self._decisions),
                    self._acceptor.forever(),
                    self._connections.watch(),
                    self._renew_certificate(),
                )
            ]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()

    async def _renew_certificate(self) -> None:
        while True:
            await asyncio.sleep(_HOUR)
            try:
                if self._tls.renew(real_now()):
                    log.info("certificate of the service renewed")
            except OSError as error:
                log.error("certificate of the service", detail=f"cannot be renewed, which is tried again: {error}")


def _socket(address: str, port: int, *, shared: bool) -> socket.socket:
    """Open a listening socket. `::` takes IPv4 as well.

    Raises:
        OSError: the address is not this machine's, or the port is taken.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        opened.bind((address, port))
    except OSError:
        opened.close()
        raise
    return opened
