"""Takes in who shows which candidates, and tells which ones were accepted, and which of these no longer are."""

from __future__ import annotations

import time
from dataclasses import dataclass
from http import HTTPStatus

import msgspec
from aiohttp import hdrs, web

from models.access import Operation
from models.descriptor import MINUTE
from models.exchange.plausibility import BadContribution, check_showings
from models.exchange.showings import Acceptance, Showings
from models.exchange.vouching import within_caps
from proxy.clocks import EventClock
from proxy.federation.messages import MAX_CANDIDATES_BYTES, Acceptances, Candidates
from proxy.federation.service import parameters
from proxy.federation.service.authentication import Caller
from proxy.federation.service.bodies import JSON, Bodies
from proxy.federation.service.deciding import ACCEPTANCES, Decisions
from proxy.federation.service.limits import Rates
from proxy.federation.service.longpoll import LongPolls
from proxy.federation.service.metrics import Metrics
from proxy.federation.service.negotiation import preferred
from proxy.federation.service.notes import Notes
from proxy.federation.service.problem import Failure
from proxy.federation.service.publishing import Publishing
from proxy.federation.storage.base import Cursor, Row, Store
from proxy.federation.topics import SHOWINGS

_AT_ONCE = 200
_OPERATIONS = frozenset(operation.value for operation in Operation)


@dataclass
class CandidateEndpoint:
    """`/v1/candidates`."""

    publishing: Publishing
    bodies: Bodies
    rates: Rates
    clock: EventClock
    margin: int
    """Minutes of times that lie ahead which are not taken, so that the level above takes all that is."""
    metrics: Metrics
    notes: Notes

    async def put(self, request: web.Request, caller: Caller) -> web.Response:
        """Replace what the caller shows by what it tells now."""
        try:
            parameters.known(request)
            told = await self.bodies.decode(request, Candidates, MAX_CANDIDATES_BYTES)
            self.rates.charge(caller.origin, request.content_length or MAX_CANDIDATES_BYTES, time.monotonic())
            result = await self.publishing.publish(self._row(told, caller))
        except Failure as failure:
            self.metrics.candidates.labels(failure.code).inc()
            if failure.code != "stale":
                self.notes.note(
                    f"candidates refused: {failure.code}", caller.origin, detail=(failure.detail or "")[:200]
                )
            raise
        self.metrics.candidates.labels(result).inc()
        return web.Response(status=HTTPStatus.NO_CONTENT)

    def _row(self, told: Candidates, caller: Caller) -> Row:
        showings = Showings(instances=told.instances, open=told.open)
        try:
            check_showings(showings, now=self.clock.now() - self.margin * MINUTE)
        except BadContribution as error:
            raise Failure(HTTPStatus.BAD_REQUEST, error.code, str(error)) from error
        if unknown := {each.candidate.key.operation for each in showings.open} - _OPERATIONS:
            raise Failure(HTTPStatus.BAD_REQUEST, "type", f"there is no operation {min(unknown)[:32]!r}")
        body = msgspec.msgpack.encode(within_caps(showings))
        return Row(caller.origin, SHOWINGS, told.epoch, told.sequence, body)


@dataclass
class AcceptanceEndpoint:
    """`/v1/acceptances`."""

    store: Store
    decisions: Decisions
    polls: LongPolls

    async def get(self, request: web.Request, caller: Caller) -> web.Response:
        """Tell what was accepted, or withdrawn, since the caller last asked."""
        parameters.known(request, "after", "wait")
        preferred(request.headers.get(hdrs.ACCEPT, ""), [JSON])
        after = _cursor(request)
        newest = self.decisions.newest
        found = await self._since(after, newest)
        if not found.accepted and not found.withdrawn:
            await self.polls.hold(request, caller, ACCEPTANCES, lambda: self.decisions.newest == newest)
            if self.decisions.newest != newest:
                found = await self._since(after, None)
        return web.Response(body=msgspec.json.encode(found), content_type=JSON, headers={"Cache-Control": "no-store"})

    async def _since(self, after: Cursor, newest: Cursor | None) -> Acceptances:
        """Return what was accepted and withdrawn since; who has read everything costs the store nothing."""
        if after == newest:
            return Acceptances(cursor=after.text(), accepted=[])
        rulings, cursor = await self.store.rulings(after, _AT_ONCE)
        return Acceptances(
            cursor=cursor.text(),
            accepted=[Acceptance(candidate=each.candidate, time=each.time) for each in rulings if not each.withdrawn],
            withdrawn=[each.candidate for each in rulings if each.withdrawn],
        )


def _cursor(request: web.Request) -> Cursor:
    text = request.query.get("after", "")
    if not text:
        return Cursor()
    try:
        return Cursor.parse(text)
    except ValueError as error:
        raise Failure(HTTPStatus.BAD_REQUEST, "parameter", f"after: {error}") from error
