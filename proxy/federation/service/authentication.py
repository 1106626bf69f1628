"""Who calls: the certificate of the connection, as TLS verified it, and whether it still counts.

TLS asks for a certificate but takes connections without one, for enrolment and health. What a certificate says is read
once for each connection; whether it is revoked or has expired is looked at with every request. With the first request
of a connection, and each hour, the store is asked whether the certificate is on record: one that the service does not
know of could not be revoked, so it is not let in.
"""

from __future__ import annotations

import asyncio
import math
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from weakref import WeakKeyDictionary

from proxy.federation.identity import NAME, Role
from proxy.federation.service.problem import Failure
from proxy.federation.service.revocations import LOOK_UP, Revocations
from proxy.federation.storage.base import Store

_UNKNOWN = "the service has no record of this certificate, or revoked it: enrol again with a new token"
_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]{1,40}")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who has a certificate of this service."""

    origin: str
    role: Role
    serial: str
    """Serial number of the certificate, hexadecimal, as `Issued.serial`."""
    not_after: float
    """Real time, s."""


@dataclass
class Callers:
    """All connections' callers."""

    store: Store
    revocations: Revocations
    now: Callable[[], float]
    """Real time, s."""
    monotonic: Callable[[], float]
    """A clock that never steps, s."""
    _known: WeakKeyDictionary[ssl.SSLObject, Caller | None] = field(default_factory=WeakKeyDictionary)
    """By the TLS session, which lives as long as its connection. uvloop's transports cannot be referred to weakly."""
    _looked_up: WeakKeyDictionary[ssl.SSLObject, tuple[float, bool]] = field(default_factory=WeakKeyDictionary)
    """By the TLS session as well: when the store was asked, and whether the certificate counted."""

    def of(self, transport: asyncio.BaseTransport | None) -> Caller | None:
        """Return whose connection this is, whether the certificate still counts or not; None without one."""
        session = _session(transport)
        return None if session is None else self._of(session)

    def _of(self, session: ssl.SSLObject) -> Caller | None:
        try:
            return self._known[session]
        except KeyError:
            caller = self._known[session] = read(session.getpeercert() or {})
            return caller

    async def require(self, transport: asyncio.BaseTransport | None, *roles: Role) -> Caller:
        """Return whose connection this is.

        Raises:
            Failure: there is no certificate, it counts no more, it does not permit that (403), or it is not known
                whether it still counts (503).
            StoreError: the store cannot say whether it is on record.
        """
        session = _session(transport)
        caller = None if session is None else self._of(session)
        if caller is None or session is None:
            detail = "enrol first: alleyes federation enroll"
            raise Failure(HTTPStatus.FORBIDDEN, "unauthenticated", detail)
        self.check(caller)
        if not await self._counts(session, caller):
            raise Failure(HTTPStatus.FORBIDDEN, "unauthenticated", _UNKNOWN)
        if caller.role not in roles:
            raise Failure(HTTPStatus.FORBIDDEN, "forbidden", f"it is for {' and '.join(f'{role}s' for role in roles)}")
        return caller

    def check(self, caller: Caller) -> None:
        """Check that a certificate still counts.

        Raises:
            Failure: it does not (403), or that is not known (503).
        """
        self.revocations.require_fresh()
        if caller.serial in self.revocations:
            raise Failure(HTTPStatus.FORBIDDEN, "revoked", "enrol again with a new token")
        if caller.not_after <= self.now():
            raise Failure(HTTPStatus.FORBIDDEN, "unauthenticated", "the certificate has expired: enrol again")

    async def _counts(self, session: ssl.SSLObject, caller: Caller) -> bool:
        now = self.monotonic()
        asked, counts = self._looked_up.get(session, (-math.inf, False))
        if now - asked >= LOOK_UP:
            # From before the answer: what is revoked after it is told to `revocations` later than that.
            asked, counts = self._looked_up[session] = now, await self.store.counts(caller.serial)
        return counts


def _session(transport: asyncio.BaseTransport | None) -> ssl.SSLObject | None:
    return None if transport is None else transport.get_extra_info("ssl_object")


def read(certificate: dict[str, Any]) -> Caller | None:
    """Return what a verified certificate says, as `ssl.SSLSocket.getpeercert` has it; None where it is of no use."""
    subject = dict(part for parts in certificate.get("subject", ()) for part in parts)
    name, unit, serial = (
        subject.get("commonName", ""),
        subject.get("organizationalUnitName", ""),
        certificate.get("serialNumber", ""),
    )
    if NAME.fullmatch(name) is None or unit not in set(Role) or _HEXADECIMAL.fullmatch(serial) is None:
        return None
    return Caller(name, Role(unit), f"{int(serial, 16):x}", ssl.cert_time_to_seconds(certificate["notAfter"]))
