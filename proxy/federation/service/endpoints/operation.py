"""Tells whoever runs the service how it is, and whoever calls it how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from proxy.federation.service.connections import Connections
from proxy.federation.service.feed import Feed
from proxy.federation.service.limits import Slots
from proxy.federation.service.metrics import Metrics
from proxy.federation.service.openapi import description
from proxy.federation.service.pools import Pools
from proxy.federation.service.problem import unavailable
from proxy.federation.service.readiness import Readiness
from proxy.federation.service.revocations import Revocations
from proxy.federation.service.upstream import Upstream

OPENAPI = "application/yaml"
_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


@dataclass
class OperationEndpoint:
    """`/healthz`, `/readyz`, `/metrics` and `/openapi.yaml`. Nobody has to show a certificate."""

    readiness: Readiness
    feed: Feed
    pools: Pools
    revocations: Revocations
    upstream: Upstream
    slots: Slots
    metrics: Metrics
    connections: Callable[[], Connections]

    async def health(self, request: web.Request) -> web.Response:
        """Say that the process works."""
        del request
        return web.Response(text="alive\n", headers={"Cache-Control": "no-store"})

    async def ready(self, request: web.Request) -> web.Response:
        """Say that callers can be served: the store answers, the sums are complete, and the clock is right."""
        del request
        if not self.feed.loaded.is_set():
            raise unavailable("starting", "the stored contributions are being read", 1)
        if minutes := self.pools.late:
            raise unavailable("clock", f"set the clock: it is {minutes // 60} hours behind what is stored", 60)
        self.revocations.require_fresh()
        with self.slots.visit():
            await self.readiness.check()
        return web.Response(text="ready\n", headers={"Cache-Control": "no-store"})

    async def show_metrics(self, request: web.Request) -> web.Response:
        """Tell Prometheus what it asks for."""
        del request
        self._look()
        return web.Response(body=self.metrics.text(), headers={"Content-Type": _PROMETHEUS})

    async def show_description(self, request: web.Request) -> web.Response:
        """Show the description of this interface."""
        del request
        return web.Response(body=description(), content_type=OPENAPI)

    def _look(self) -> None:
        tell = self.metrics.tell
        connections = self.connections()
        tell("service_types", "Service types that somebody contributed to", len(self.pools.service_types()))
        tell("origins", "Origins of the service type that has most", self.pools.origins)
        tell("voters", "Origins that told their candidates", self.pools.ballot.origins)
        tell("changes_applied", "Changes read from the store since the start", self.pools.applied)
        tell("changes_unreadable", "Changes that could not be read, and count for nothing", self.pools.unreadable)
        tell("loaded", "Whether everything that is stored is in the sums", self.feed.loaded.is_set())
        tell(
            "revoked",
            "Certificates of which this process learnt in the past two hours that they are revoked",
            len(self.revocations),
        )
        tell("revocations_known", "Whether it is known who is revoked", self.revocations.fresh)
        tell("working", "Requests that are worked on", self.slots.working)
        tell("visiting", "Requests without a certificate that are worked on", self.slots.visiting)
        tell("waiting", "Requests that wait for a change", self.slots.waiting)
        tell("connections", "Open connections, with those whose TLS handshake goes on", len(connections))
        tell("strangers", "Those of them that have shown no certificate", connections.seats.strangers)
        tell("connections_refused", "Connections refused since the start, as there were too many", connections.refused)
        if (above := self.upstream.status()) is not None:
            tell("upstream_heard", "When the level above was last heard, seconds since 1970", above.heard)
            tell("upstream_published", "When the level above last took something, seconds since 1970", above.published)
            tell("upstream_waiting", "States that the level above has not taken yet", above.waiting)
            tell("upstream_troubles", "Activities towards the level above that do not work now", len(above.troubles))
        tell("connections_cut", "Connections cut since the start, as their callers were too slow", connections.cut)
