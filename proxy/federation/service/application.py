"""The routes of the service, and what they have in common: who may call, how often, how failures are told."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import NamedTuple

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from proxy.federation.configuration import ServiceLimits
from proxy.federation.identity import Role
from proxy.federation.service.authentication import Caller, Callers
from proxy.federation.service.bodies import expect
from proxy.federation.service.connections import Connections
from proxy.federation.service.endpoints.candidates import AcceptanceEndpoint, CandidateEndpoint
from proxy.federation.service.endpoints.contributions import ContributionEndpoint
from proxy.federation.service.endpoints.enrolments import EnrolmentEndpoint
from proxy.federation.service.endpoints.models import ModelEndpoint
from proxy.federation.service.endpoints.operation import OperationEndpoint
from proxy.federation.service.endpoints.origins import OriginEndpoint
from proxy.federation.service.feed import Feed
from proxy.federation.service.limits import Rates, Slots, neighbourhood
from proxy.federation.service.metrics import Metrics
from proxy.federation.service.problem import Failure, unavailable
from proxy.federation.storage.base import StoreBusyError, StoreError

log = structlog.get_logger("alleyes")

type Open = Callable[[web.Request], Awaitable[web.Response]]
type Guarded = Callable[[web.Request, Caller], Awaitable[web.Response]]


class Route(NamedTuple):
    """One thing that can be asked."""

    method: str
    path: str
    """As aiohttp and OpenAPI write it."""
    handler: Handler


@dataclass
class Endpoints:
    """Who answers."""

    contributions: ContributionEndpoint
    models: ModelEndpoint
    candidates: CandidateEndpoint
    acceptances: AcceptanceEndpoint
    enrolments: EnrolmentEndpoint
    origins: OriginEndpoint
    operation: OperationEndpoint


@dataclass
class Gate:
    """What every request passes."""

    limits: ServiceLimits
    callers: Callers
    rates: Rates
    """Of members."""
    slots: Slots
    feed: Feed
    metrics: Metrics
    connections: Callable[[], Connections]

    def __post_init__(self) -> None:
        """Count strangers anew."""
        strangers = self.limits.strangers
        self._visits = Rates(strangers.requests_per_second, strangers.burst)
        self._longest = float(self.limits.body_seconds + self.limits.wait_seconds + self.limits.answer_seconds)

    def anybody(self, handler: Open) -> Handler:
        """Let everybody in, at the rate of their certificate, or else of their address.

        The handler takes its place itself, after the body: that may be slow.
        """

        async def handle(request: web.Request) -> web.StreamResponse:
            self._spend(request)
            return await handler(request)

        return handle

    def members(self, handler: Guarded, *roles: Role, reading: bool = False) -> Handler:
        """Let those in whose certificate says so; readers once the sums are complete."""

        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                caller = await self.callers.require(request.transport, *roles)
            except Failure:
                self._spend(request)
                raise
            self.rates.take(caller.origin, time.monotonic())
            if reading and not self.feed.loaded.is_set():
                raise unavailable("starting", "the stored contributions are being read", 1)
            self.slots.take()
            try:
                return await handler(request, caller)
            finally:
                self.slots.give_back()

        return handle

    def _spend(self, request: web.Request) -> None:
        """Take one call from the rate of a certificate, or else of an address.

        Of no origin's: who is refused spends nothing of whoever has that name now.
        """
        known = self.callers.of(request.transport)
        if known is None:
            self._visits.take(neighbourhood(request.remote), time.monotonic())
        else:
            self.rates.take(f"certificate {known.serial}", time.monotonic())

    @property
    def middleware(self) -> Middleware:
        """What is around every handler."""

        @web.middleware
        async def around(request: web.Request, handler: Handler) -> web.StreamResponse:
            began = time.monotonic()
            connections = self.connections()
            connections.begin(request.protocol, self._longest)
            response: web.StreamResponse | None = None
            try:
                response = await _told(request, handler)
                return response
            finally:
                connections.end(request.protocol)
                resource = request.match_info.route.resource
                route = resource.canonical if resource is not None else "none"
                method = request.method if resource is not None else "any"
                status = response.status if response is not None else 0
                self.metrics.answered(method, route, status, time.monotonic() - began)

        return around


async def _told(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Return the answer, also where there is none but a failure."""
    try:
        return await handler(request)
    except Failure as failure:
        return failure.response()
    except StoreBusyError:
        return unavailable("busy", "more is to be stored than the database can take", 2).response()
    except StoreError as error:
        log.error("federation store", detail=str(error))
        return unavailable("storage", "it was not done; try again").response()
    except web.HTTPMethodNotAllowed as refusal:
        allowed = {"Allow": ", ".join(sorted(refusal.allowed_methods))}
        return Failure(HTTPStatus.METHOD_NOT_ALLOWED, "method", headers=allowed).response()
    except web.HTTPNotFound:
        return Failure(HTTPStatus.NOT_FOUND, "not-found").response()
    except Exception:  # one defect must not end the connection without a word
        log.exception("federation defect", method=request.method, path=request.path[:200])
        return Failure(HTTPStatus.INTERNAL_SERVER_ERROR, "defect").response()


def routes(gate: Gate, endpoints: Endpoints) -> list[Route]:
    """Return everything that can be asked; `openapi.yaml` describes it, and nothing else."""
    operation = endpoints.operation
    origin, everybody, operator = (Role.ORIGIN,), tuple(Role), (Role.OPERATOR,)
    return [
        Route("PUT", "/v1/contributions/{service_type}", gate.members(endpoints.contributions.put, *origin)),
        Route("GET", "/v1/models", gate.members(endpoints.models.list, *everybody, reading=True)),
        Route("GET", "/v1/models/{service_type}", gate.members(endpoints.models.get, *everybody, reading=True)),
        Route("PUT", "/v1/candidates", gate.members(endpoints.candidates.put, *origin)),
        Route("GET", "/v1/acceptances", gate.members(endpoints.acceptances.get, *everybody)),
        Route("GET", "/v1/origins", gate.members(endpoints.origins.list, *operator)),
        Route("DELETE", "/v1/origins/{origin}", gate.members(endpoints.origins.delete, *operator)),
        Route("POST", "/v1/enrolments", gate.anybody(endpoints.enrolments.post)),
        Route("GET", "/healthz", gate.anybody(operation.health)),
        Route("GET", "/readyz", gate.anybody(operation.ready)),
        Route("GET", "/metrics", gate.anybody(operation.show_metrics)),
        Route("GET", "/openapi.yaml", gate.anybody(operation.show_description)),
    ]


def application(gate: Gate, found: Sequence[Route]) -> web.Application:
    """Make the application that answers those routes."""
    made = web.Application(middlewares=[gate.middleware])
    for route in found:
        made.router.add_route(route.method, route.path, route.handler, expect_handler=expect)
        if route.method == "GET":
            made.router.add_route("HEAD", route.path, route.handler)
    made.on_response_prepare.append(_unnamed)
    return made


async def _unnamed(request: web.Request, response: web.StreamResponse) -> None:
    """Say what answers, but not of which version."""
    del request
    response.headers["Server"] = "alleyes"
