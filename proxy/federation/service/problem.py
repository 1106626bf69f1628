"""How a request is told that it failed: `application/problem+json` (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from aiohttp import web

from proxy.federation.messages import PROBLEM, Problem

TYPE = "urn:alleyes:federation:"
"""What the `type` of a problem begins with; its code follows."""
TITLES = {
    "unauthenticated": "A client certificate of this service is needed",
    "revoked": "This certificate was revoked",
    "forbidden": "This certificate does not permit that",
    "not-found": "There is nothing here",
    "unknown-type": "Nobody contributed to this service type",
    "unknown-origin": "There is no such origin",
    "method": "This cannot be done here",
    "not-acceptable": "There is no such form of it",
    "slow": "The body took too long",
    "stale": "A newer state is held already",
    "too-large": "The body is too large",
    "media-type": "The body is of another kind",
    "schema": "What the numbers mean here is something else",
    "malformed": "This cannot be read",
    "feature": "No observations have these sums",
    "time": "The times cannot be",
    "type": "This is not what types look like",
    "size": "This is too large",
    "parameter": "A parameter of the request is wrong",
    "token": "This token is not good, or was used",
    "request": "No certificate is issued for this request",
    "rate": "Too many requests",
    "waiting": "Too many requests wait for a change",
    "full": "There is no room for more service types",
    "busy": "Too much to do",
    "storage": "The database does not answer",
    "starting": "The sums are not complete yet",
    "clock": "The clock of the service is wrong",
    "revocations": "Who is revoked is not known",
    "defect": "The service has a defect",
}
"""Every code, with what it says of all its problems."""


class Failure(Exception):
    """A request that is not done; caught by the application alone."""

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        detail: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        held: tuple[int, int] | None = None,
    ) -> None:
        """Say why.

        Args:
            status: Of the response.
            code: One of the titles' keys.
            detail: What of this very request is wrong.
            headers: Further ones of the response.
            held: Epoch and sequence that the service holds.
        """
        super().__init__(f"{status.value} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})
        self.held = held

    def response(self) -> web.Response:
        """Return what the caller is told."""
        epoch, sequence = self.held or (None, None)
        body = Problem(
            type=TYPE + self.code,
            title=TITLES[self.code],
            status=self.status.value,
            code=self.code,
            detail=self.detail,
            epoch=epoch,
            sequence=sequence,
        )
        return web.Response(
            status=self.status.value,
            body=msgspec.json.encode(body),
            headers={"Content-Type": PROBLEM, "Cache-Control": "no-store", **self.headers},
        )


def unavailable(code: str, detail: str, seconds: int = 5) -> Failure:
    """Return a failure that may be over in some seconds."""
    return Failure(HTTPStatus.SERVICE_UNAVAILABLE, code, detail, headers={"Retry-After": str(seconds)})


def too_many(code: str, detail: str, seconds: int) -> Failure:
    """Return a failure of a caller that asks too much."""
    return Failure(HTTPStatus.TOO_MANY_REQUESTS, code, detail, headers={"Retry-After": str(seconds)})
