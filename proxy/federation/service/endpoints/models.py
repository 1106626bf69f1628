"""Tells an origin what the others know, never what it said itself."""

from __future__ import annotations

import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import hdrs, web

from models.descriptor import MINUTE
from models.exchange.shared import Shared
from models.table import tabulate
from proxy.clocks import EventClock
from proxy.federation.messages import OTHERS, ModelList
from proxy.federation.service import parameters
from proxy.federation.service.authentication import Caller
from proxy.federation.service.bodies import JSON
from proxy.federation.service.limits import Rates
from proxy.federation.service.longpoll import LongPolls
from proxy.federation.service.negotiation import has_current, headers, preferred
from proxy.federation.service.pools import MODELS, Pools
from proxy.federation.service.problem import Failure
from proxy.federation.topics import model_topic


@dataclass
class ModelEndpoint:
    """`/v1/models` and `/v1/models/{service_type}`."""

    pools: Pools
    polls: LongPolls
    rates: Rates
    clock: EventClock

    async def list(self, request: web.Request, caller: Caller) -> web.Response:
        """List all service types of which something is known."""
        parameters.known(request, "wait")
        preferred(request.headers.get(hdrs.ACCEPT, ""), [JSON])
        await self.polls.hold(
            request, caller, MODELS, lambda: has_current(request, self.pools.list_version(caller.origin))
        )
        etag = self.pools.list_version(caller.origin)
        if has_current(request, etag):
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers(etag))
        body = msgspec.json.encode(ModelList(models=self.pools.entries(caller.origin)))
        return web.Response(body=body, content_type=JSON, headers=headers(etag))

    async def get(self, request: web.Request, caller: Caller) -> web.Response:
        """Tell what the others know of one service type."""
        parameters.known(request, "wait")
        service_type = parameters.service_type(request)
        media = preferred(request.headers.get(hdrs.ACCEPT, ""), [OTHERS, JSON])

        def etag() -> str:
            version = self.pools.version(service_type, caller.origin)
            return version if media == OTHERS else f"{version}.json"

        if self.pools.knows(service_type):
            await self.polls.hold(request, caller, model_topic(service_type), lambda: has_current(request, etag()))
        if not self.pools.knows(service_type):
            raise Failure(HTTPStatus.NOT_FOUND, "unknown-type")
        current = etag()
        if has_current(request, current):
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers(current))
        # What one contributed is read again to be taken out.
        self.rates.charge(caller.origin, self.pools.size_of(caller.origin, service_type), time.monotonic())
        if media == OTHERS:
            body = self.pools.encoded(service_type, caller.origin)
        else:
            body = msgspec.json.encode(self._readable(service_type, caller.origin))
        return web.Response(body=body, content_type=media, headers=headers(current))

    def _readable(self, service_type: str, origin: str) -> dict[str, Any]:
        others = self.pools.others(service_type, origin)
        version = self.pools.version(service_type, origin)
        parts = {"site": self._table(others.site), "elsewhere": self._table(others.elsewhere)}
        return {"service_type": service_type, "version": version, **parts}

    def _table(self, shared: Shared | None) -> dict[str, Any] | None:
        if shared is None:
            return None
        return {"origins": shared.origins, "model": tabulate(shared.model, self.clock.now() // MINUTE)}
