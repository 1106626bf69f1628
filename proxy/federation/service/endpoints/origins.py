"""Lets an operator see who contributes, and take somebody out."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

import msgspec
import structlog
from aiohttp import hdrs, web

from proxy.federation.messages import OriginEntry, OriginList
from proxy.federation.service import parameters
from proxy.federation.service.authentication import Caller
from proxy.federation.service.bodies import JSON
from proxy.federation.service.expulsion import Expulsion
from proxy.federation.service.negotiation import preferred
from proxy.federation.service.problem import Failure
from proxy.federation.storage.base import Origin, Store

_AT_ONCE = 100
_MOST = 1000

log = structlog.get_logger("alleyes")


@dataclass
class OriginEndpoint:
    """`/v1/origins` and `/v1/origins/{origin}`."""

    store: Store
    expulsion: Expulsion

    async def list(self, request: web.Request, caller: Caller) -> web.Response:
        """List origins by name."""
        del caller
        parameters.known(request, "after", "limit")
        preferred(request.headers.get(hdrs.ACCEPT, ""), [JSON])
        limit = parameters.number(request, "limit", least=1, most=_MOST, otherwise=_AT_ONCE)
        found = await self.store.origins(parameters.behind(request), limit)
        after = found[-1].name if len(found) == limit else None
        body = OriginList(origins=list(map(_entry, found)), after=after)
        return web.Response(body=msgspec.json.encode(body), content_type=JSON, headers={"Cache-Control": "no-store"})

    async def delete(self, request: web.Request, caller: Caller) -> web.Response:
        """Take out all that an origin contributed, and revoke its certificates and invitations."""
        parameters.known(request)
        origin = parameters.origin(request)
        done = await self.expulsion.expel(origin)
        if not done:
            detail = "nothing of it is held, and no certificate or token is good"
            raise Failure(HTTPStatus.NOT_FOUND, "unknown-origin", detail)
        log.info("origin taken out", origin=origin, by=caller.origin, **done._asdict())
        return web.Response(status=HTTPStatus.NO_CONTENT)


def _entry(origin: Origin) -> OriginEntry:
    return OriginEntry(
        origin=origin.name,
        role=origin.role,
        certificates=origin.certificates,
        not_after=None if origin.not_after is None else origin.not_after // 1000,
        revoked=None if origin.revoked is None else origin.revoked // 1000,
        topics=origin.topics,
    )
