"""Takes in what origins learnt. Nothing is acknowledged before it is durable, and nothing bad is merged."""

from __future__ import annotations

import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

from aiohttp import web

from models.descriptor import MINUTE
from models.exchange.envelope import MAX_BYTES, BadContribution, decode_contribution, stamp_of
from proxy.clocks import EventClock
from proxy.federation.messages import CONTRIBUTION
from proxy.federation.service import parameters
from proxy.federation.service.authentication import Caller
from proxy.federation.service.bodies import Bodies
from proxy.federation.service.limits import Rates
from proxy.federation.service.metrics import Metrics
from proxy.federation.service.notes import Notes
from proxy.federation.service.pools import Pools, digest_of
from proxy.federation.service.problem import Failure, unavailable
from proxy.federation.service.publishing import Publishing, stale
from proxy.federation.storage.base import Row
from proxy.federation.topics import model_topic

_STATUS = {"schema": HTTPStatus.UNPROCESSABLE_ENTITY, "size": HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
"""Of bad contributions; 400 for all others."""


def _refusal(error: BadContribution) -> Failure:
    """Return what the caller is told of its bytes."""
    return Failure(_STATUS.get(error.code, HTTPStatus.BAD_REQUEST), error.code, str(error))


@dataclass
class ContributionEndpoint:
    """`/v1/contributions/{service_type}`."""

    pools: Pools
    publishing: Publishing
    bodies: Bodies
    rates: Rates
    clock: EventClock
    margin: int
    """Minutes of times that lie ahead which are not taken, so that the level above takes all that is."""
    metrics: Metrics
    notes: Notes

    async def put(self, request: web.Request, caller: Caller) -> web.Response:
        """Replace what the caller contributed to a service type by its newest cumulative state."""
        try:
            parameters.known(request)
            service_type = parameters.service_type(request)
            body = await self.bodies.read(request, CONTRIBUTION, MAX_BYTES)
            result = self._known(service_type, caller, body) or await self._publish(service_type, caller, body)
        except Failure as failure:
            self._count(failure.code, caller, failure.detail)
            raise
        self.metrics.contributed(result)
        return web.Response(status=HTTPStatus.NO_CONTENT)

    def _known(self, service_type: str, caller: Caller, body: bytes) -> Literal["known"] | None:
        """Answer what is in the sums already without reading it: that costs most, and a caller may send it for ever."""
        held = self.pools.held(caller.origin, service_type)
        if held is None:
            return None
        try:
            stamp = stamp_of(body)
        except BadContribution as error:
            raise _refusal(error) from error
        if stamp > held.stamp:
            return None
        if stamp == held.stamp and digest_of(body) == held.digest:
            return "known"
        raise stale(held.stamp)

    async def _publish(self, service_type: str, caller: Caller, body: bytes) -> Literal["stored", "known"]:
        self.rates.charge(caller.origin, len(body), time.monotonic())
        try:
            minute = self.clock.now() // MINUTE - self.margin
            contribution = decode_contribution(service_type, body, now_minute=minute)
        except BadContribution as error:
            if error.code == "time" and (hours := self.pools.late // 60):
                raise unavailable("clock", f"the service's clock is {hours} hours behind", 60) from error
            raise _refusal(error) from error
        if not self.pools.room_for(caller.origin, service_type, len(body)):
            detail = "contribute to fewer service types, or less of each, or ask the operator"
            raise Failure(HTTPStatus.UNPROCESSABLE_ENTITY, "full", detail)
        row = Row(caller.origin, model_topic(service_type), contribution.epoch, contribution.sequence, body)
        result = await self.publishing.publish(row)
        # Only what is stored will be told by the feed, and only these bytes.
        if result == "stored":
            self.pools.expect(caller.origin, contribution, body)
        return result

    def _count(self, code: str, caller: Caller, detail: str | None) -> None:
        self.metrics.contributed(code)
        if code != "stale":
            self.notes.note(f"contribution refused: {code}", caller.origin, detail=(detail or "")[:200])
