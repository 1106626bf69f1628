"""Issues certificates: for a one-time token, or to who has a good one already."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

import msgspec
import structlog
from aiohttp import web

from proxy.federation.configuration import FederationDocument
from proxy.federation.identity import Role
from proxy.federation.invitation import Invitation, fingerprint
from proxy.federation.messages import Enrolment, EnrolmentRequest
from proxy.federation.service import parameters
from proxy.federation.service.authentication import Callers
from proxy.federation.service.authority import Authority, BadRequest, Issued
from proxy.federation.service.bodies import JSON, Bodies
from proxy.federation.service.limits import Slots
from proxy.federation.service.metrics import Metrics
from proxy.federation.service.notes import Notes
from proxy.federation.service.problem import Failure
from proxy.federation.storage.base import Certificate, Store

MAX_BYTES = 16 * 1024
_NOT_GOOD = "ask for another one: alleyes federation invite"

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
                issued, origin, role = await (self._renew if wanted.token is None else self._enrol)(request, wanted)
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

    async def _renew(self, request: web.Request, wanted: EnrolmentRequest) -> tuple[Issued, str, Role]:
        """Issue what follows the certificate of the connection."""
        caller = await self.callers.require(request.transport, *Role)
        issued = self._issue(wanted.request, caller.origin, caller.role)
        # This process may not know yet what another has revoked.
        if not await self.store.renew(caller.serial, _record(issued, caller.origin, caller.role), self._ms()):
            raise Failure(HTTPStatus.FORBIDDEN, "revoked", "enrol again with a new token")
        return issued, caller.origin, caller.role

    async def _enrol(self, request: web.Request, wanted: EnrolmentRequest) -> tuple[Issued, str, Role]:
        """Issue a certificate for a token, which is used up."""
        del request
        try:
            invitation = Invitation.parse(wanted.token or "")
        except ValueError as error:
            raise Failure(HTTPStatus.FORBIDDEN, "token", str(error)) from error
        if invitation.fingerprint != fingerprint(self.authority.certificate):
            raise Failure(HTTPStatus.FORBIDDEN, "token", "it is of a service with another CA")
        token = await self.store.token(invitation.digest, self._ms())
        if token is None:
            raise Failure(HTTPStatus.FORBIDDEN, "token", _NOT_GOOD)
        # A request that cannot be used does not use up the token.
        issued, role = self._issue(wanted.request, token.origin, Role(token.role)), Role(token.role)
        if not await self.store.enrol(token.digest, _record(issued, token.origin, role), self._ms()):
            raise Failure(HTTPStatus.FORBIDDEN, "token", _NOT_GOOD)
        return issued, token.origin, role

    def _issue(self, request: str, origin: str, role: Role) -> Issued:
        try:
            return self.authority.issue(request, origin, role, self.now(), self.document.certificates.origins)
        except BadRequest as error:
            raise Failure(HTTPStatus.BAD_REQUEST, "request", str(error)) from error

    def _ms(self) -> int:
        return int(self.now() * 1000)


def _record(issued: Issued, origin: str, role: Role) -> Certificate:
    """Return what is put on record before anybody has the certificate, so that it can be revoked."""
    return Certificate(issued.serial, origin, role.value, issued.not_after * 1000)
