"""mitmproxy, embedded as a library: our own master with a fixed list of addons and fixed options."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from mitmproxy.addons import core, errorcheck, proxyserver
from mitmproxy.master import Master
from mitmproxy.options import Options

from proxy.configuration import GatewayDocument
from proxy.hooks import Hooks

_SPARE_SECONDS = 30
"""How much later mitmproxy's own time-out may come than the last of our deadlines."""


def listeners(document: GatewayDocument, worker: int = 0) -> list[tuple[str, int]]:
    """Return the addresses and ports that a worker, from 0 on, listens on: one for each access point and family."""
    return [
        (str(local), point.listen_port + worker)
        for point in document.access_points
        for remote, local in ((point.ipv4, document.listen.ipv4), (point.ipv6, document.listen.ipv6))
        if remote is not None and local is not None
    ]


class _Announcement:
    """An addon that tells when mitmproxy has opened its listeners."""

    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell = tell

    def running(self) -> None:
        """Tell."""
        self._tell()


class Gateway:
    """The running proxy. Make it inside a running event loop."""

    def __init__(self, document: GatewayDocument, configuration_directory: Path, worker: int = 0) -> None:
        """Prepare the proxy of a worker.

        Args:
            document: `gateway.yaml`.
            configuration_directory: Where mitmproxy may keep files of its own; it needs none.
            worker: Its number, from 0.
        """
        options = Options(mode=[f"transparent@{host}:{port}" for host, port in listeners(document, worker)])
        self._master = Master(options, event_loop=asyncio.get_running_loop())
        self._ending = threading.Event()
        self._proxyserver = proxyserver.Proxyserver()
        limits = document.limits
        # next_layer and tlsconfig are left out on purpose: they would decide before ours, and in its place if it fails.
        self._master.addons.add(core.Core(), self._proxyserver, errorcheck.ErrorCheck())
        options.update(
            confdir=str(configuration_directory),
            connection_strategy="lazy",
            # Nothing of ours asks for these; they are off all the same.
            rawtcp=False,
            http2=False,
            http3=False,
            websocket=False,
            tcp_timeout=max(limits.idle_seconds, limits.answer_seconds, limits.lasting_seconds) + _SPARE_SECONDS,
        )

    def install(self, hooks: Hooks, on_running: Callable[[], None] = lambda: None) -> None:
        """Put our hooks in place; before this the proxy has no layer for any connection.

        Args:
            hooks: Ours.
            on_running: Called once every listener is open.
        """
        self._master.addons.add(hooks, _Announcement(on_running))

    async def run(self) -> None:
        """Serve until `shut_down`.

        Raises:
            SystemExit: a listener could not be opened (the errorcheck addon).
        """
        # The master forgets a wish to end that came before it ran.
        if not self._ending.is_set():
            await self._master.run()

    def shut_down(self) -> None:
        """Stop serving, or do not begin; safe to call from any thread."""
        self._ending.set()
        self._master.shutdown()

    def abort(self, client_ids: Iterable[str]) -> None:
        """Cut live connections of services."""
        for client_id in client_ids:
            handler = self._proxyserver.connections.get(client_id)
            transport = handler.transports.get(handler.client) if handler is not None else None
            if transport is not None and transport.handler is not None:
                transport.handler.cancel("quarantined")
