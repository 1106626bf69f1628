"""Issues certificates: for a one-time token, or to who has a good one already."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

import msgspec
import structlog
from aiohttp import web

from proxy.federation.configuration import FederationDocument
from proxy.federation.invitation import Invitation, fingerprint
from proxy.federation.messages import Enrolment, EnrolmentRequest
from proxy.federation.service import parameters
from proxy.federation.service.authentication import Callers
from proxy.federation.service.authority import Authority, BadRequest, Issued, Role
from proxy.federation.service.bodies import JSON, Bodies
from proxy.federation.service.limits import Slots
from proxy.federation.service.metrics import Metrics
from proxy.federation.service.notes import Notes
from proxy.federation.service.problem import Failure
from proxy.federation.storage.base import Certificate, Store

MAX_BYTES = 16 * 1024

log = structlog.get_logger("alleyes")


@dataclass
class EnrolmentEndpoint:
    """`/v1/enrolments`."""

    document: FederationDocument
    authority: Authority
    store: Store
    callers: Callers
    bodies: Bodies
    slots: Slots
    metrics: Metrics
    notes: Notes
    now: Callable[[], float]
    """Real time, s."""

    async def post(self, request: web.Request) -> web.Response:
        """Issue a certificate."""
        try:
            parameters.known(request)
            wanted = await self.bodies.decode(request, EnrolmentRequest, MAX_BYTES)
            result = "issued" if wanted.token is not None else "renewed"
            # Who renews has shown a certificate, or is refused at once: strangers do not take their places.
            with self.slots.visit() if wanted.token is not None else self.slots.work():
                origin, role = await self._holder(request, wanted)
                issued = self._issue(wanted.request, origin, role)
                await self._record(issued, origin, role)
        except Failure as failure:
            self.metrics.enrolments.labels(failure.code).inc()
            self.notes.note(f"enrolment refused: {failure.code}", request.remote or "", detail=failure.detail)
            raise
        self.metrics.enrolments.labels(result).inc()
        log.info("certificate", result=result, origin=origin, role=role.value, serial=issued.serial, by=request.remote)
        body = Enrolment(
            origin=origin,
            role=role.value,
            certificate=issued.pem,
            authority=self.authority.pem,
            not_after=issued.not_after,
        )
        return web.Response(
            status=HTTPStatus.CREATED,
            body=msgspec.json.encode(body),
            content_type=JSON,
            headers={"Cache-Control": "no-store"},
        )

    async def _holder(self, request: web.Request, wanted: EnrolmentRequest) -> tuple[str, Role]:
        """Return who is to get the certificate; a token is used up."""
        if wanted.token is None:
            caller = self.callers.require(request.transport, *Role)
            return caller.origin, caller.role
        try:
            invitation = Invitation.parse(wanted.token)
        except ValueError as error:
            raise Failure(HTTPStatus.FORBIDDEN, "token", str(error)) from error
        if invitation.fingerprint != fingerprint(self.authority.certificate):
            raise Failure(HTTPStatus.FORBIDDEN, "token", "it is of a service with another CA")
        # A request that cannot be used does not use up the token.
        self._issue(wanted.request, invitation.name, Role.ORIGIN)
        token = await self.store.use_token(invitation.digest, int(self.now() * 1000))
        if token is None:
            raise Failure(HTTPStatus.FORBIDDEN, "token", "ask for another one: alleyes federation invite")
        return token.origin, Role(token.role)

    def _issue(self, request: str, origin: str, role: Role) -> Issued:
        try:
            return self.authority.issue(request, origin, role, self.now(), self.document.certificates.origins)
        except BadRequest as error:
            raise Failure(HTTPStatus.BAD_REQUEST, "request", str(error)) from error

    async def _record(self, issued: Issued, origin: str, role: Role) -> None:
        """Put the certificate on record before anybody has it, so that it can be revoked."""
        record = Certificate(issued.serial, origin, role.value, issued.not_after * 1000)
        await self.store.add_certificate(record, int(self.now() * 1000))
