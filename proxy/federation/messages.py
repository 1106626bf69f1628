"""What a federation service and those who call it say in JSON, and the media types of what is not JSON."""

from __future__ import annotations

from typing import Annotated

import msgspec

from models.candidates import Candidate
from models.exchange.envelope import MAX_STAMP
from models.exchange.showings import Acceptance, Showing

CONTRIBUTION = "application/vnd.alleyes.contribution"
"""Media type of an envelope (`models.exchange.envelope`) that an origin sends."""
OTHERS = "application/vnd.alleyes.others"
"""Media type of what it is told."""
PROBLEM = "application/problem+json"
LARGEST_STAMP = MAX_STAMP - 1
"""Of epochs and sequences that anybody sends: one more means that something was taken out."""
MAX_CANDIDATES_BYTES = 256 * 1024
"""Of a telling of candidates."""

Stamp = Annotated[int, msgspec.Meta(ge=0, le=LARGEST_STAMP)]


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a request failed (RFC 9457)."""

    type: str
    title: str
    status: int
    code: str
    """What programs tell problems apart by."""
    detail: str | None = None
    epoch: int | None = None
    """What the service holds of the origin, where it holds a newer state."""
    sequence: int | None = None


class ModelEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One service type in a list of models."""

    service_type: str
    version: str
    """As the ETag of the model itself."""
    origins: int
    """Others that contributed: nodes of the same site, and sites elsewhere."""
    weight: int
    """Instance-minutes that all origins contributed."""


class ModelList(msgspec.Struct, frozen=True, kw_only=True):
    """Body of `GET /v1/models`."""

    models: list[ModelEntry]


class Candidates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `PUT /v1/candidates`: `Showings`, with the stamp of this telling."""

    epoch: Stamp
    sequence: Stamp
    instances: dict[str, int]
    open: list[Showing]


class Acceptances(msgspec.Struct, frozen=True, kw_only=True):
    """Body of `GET /v1/acceptances`."""

    cursor: str
    """To be given as `after` the next time."""
    accepted: list[Acceptance]
    withdrawn: list[Candidate] = []
    """Accepted before, and no longer. Nobody who asks for the first time has heard of them; they are told all the same.
    An older service tells none."""


class EnrolmentRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Body of `POST /v1/enrolments`."""

    request: str
    """Certificate signing request (PKCS #10), PEM. Its key counts; the name is the token's, or the certificate's."""
    token: str | None = None
    """None: the certificate that the connection was made with is renewed."""


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate, as an answer to it."""

    origin: str
    role: str
    certificate: str
    """PEM."""
    authority: str
    """The certificate of the service's CA, PEM: what its servers are verified with."""
    not_after: int
    """Real time, seconds since the epoch: when the certificate expires."""


class OriginEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One origin, as an operator sees it."""

    origin: str
    role: str
    certificates: int
    """Those on record that were not revoked."""
    not_after: int | None
    """Real time, seconds since the epoch: when the last of them expires."""
    revoked: int | None
    """When one was last revoked, as `not_after`."""
    topics: int
    """Service types that it contributes to, and one more if it told its candidates."""


class OriginList(msgspec.Struct, frozen=True, kw_only=True):
    """Body of `GET /v1/origins`."""

    origins: list[OriginEntry]
    after: str | None = None
    """To be given as `after` for the rest; None: there is none."""
