"""Takes in what origins learnt. Nothing is acknowledged before it is durable, and nothing bad is merged."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web

from models.descriptor import MINUTE
from models.exchange.envelope import MAX_BYTES, BadContribution, decode_contribution
from proxy.clocks import EventClock
from proxy.federation.messages import CONTRIBUTION
from proxy.federation.service import parameters
from proxy.federation.service.authentication import Caller
from proxy.federation.service.bodies import Bodies
from proxy.federation.service.metrics import Metrics
from proxy.federation.service.notes import Notes
from proxy.federation.service.pools import Pools
from proxy.federation.service.problem import Failure
from proxy.federation.service.publishing import Publishing
from proxy.federation.service.topics import model_topic
from proxy.federation.storage.base import Row

_STATUS = {"schema": HTTPStatus.UNPROCESSABLE_ENTITY, "size": HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
"""Of bad contributions; 400 for all others."""


@dataclass
class ContributionEndpoint:
    """`/v1/contributions/{service_type}`."""

    pools: Pools
    publishing: Publishing
    bodies: Bodies
    clock: EventClock
    metrics: Metrics
    notes: Notes

    async def put(self, request: web.Request, caller: Caller) -> web.Response:
        """Replace what the caller contributed to a service type by its newest cumulative state."""
        try:
            parameters.known(request)
            service_type = parameters.service_type(request)
            body = await self.bodies.read(request, CONTRIBUTION, MAX_BYTES)
            row = self._row(service_type, caller, body)
            result = await self.publishing.publish(row)
        except Failure as failure:
            self._count(failure.code, caller, failure.detail)
            raise
        self.metrics.contributions.labels(result).inc()
        return web.Response(status=HTTPStatus.NO_CONTENT)

    def _row(self, service_type: str, caller: Caller, body: bytes) -> Row:
        try:
            contribution = decode_contribution(service_type, body, now_minute=self.clock.now() // MINUTE)
        except BadContribution as error:
            raise Failure(_STATUS.get(error.code, HTTPStatus.BAD_REQUEST), error.code, str(error)) from error
        if not self.pools.room_for(caller.origin, service_type):
            raise Failure(
                HTTPStatus.UNPROCESSABLE_ENTITY, "full", "contribute to fewer service types, or ask the operator"
            )
        self.pools.expect(caller.origin, contribution)
        return Row(caller.origin, model_topic(service_type), contribution.epoch, contribution.sequence, body)

    def _count(self, code: str, caller: Caller, detail: str | None) -> None:
        self.metrics.contributions.labels(code).inc()
        if code != "stale":
            self.notes.note(f"contribution refused: {code}", caller.origin, detail=(detail or "")[:200])
