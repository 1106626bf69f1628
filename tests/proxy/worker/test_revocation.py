"""Another list ends the connections on which a revoked certificate was shown, by either side, and no others."""

from __future__ import annotations

import pytest

from proxy.configuration import AccessPoint, InventoryDocument
from proxy.connections import ConnectionTable, Destination
from proxy.decoders.vsl import VslDecoder
from proxy.registry import SiteRegistry
from proxy.revocation import CertificateKey, Revocations, RevocationsInForce
from proxy.worker import revocation as module
from proxy.worker.revocation import WorkerRevocation
from tests.proxy.parts import live, plain_point
from tests.waiting import until

CA, LIGHT, AGENT = (CertificateKey(b"site-ca", serial) for serial in (b"\x01", b"\x02", b"\x03"))


def connections(**certificates: tuple[CertificateKey, ...]) -> ConnectionTable:
    """Live connections by id, with what was shown on them."""
    registry = SiteRegistry(InventoryDocument(), frozenset({"agent1"}))
    decoder = VslDecoder(agent="agent1", authority="a", registry=registry, most_accesses=4)
    destination = Destination(AccessPoint.model_validate(plain_point()), decoder)
    table = ConnectionTable(most=10, most_of_one=10)
    for client_id, keys in certificates.items():
        made = live("192.0.2.9", destination)
        made.certificates = keys
        table.open(client_id, made)
    return table


def unexpected(ip: str, reason: str) -> None:
    raise AssertionError(f"{ip}: {reason}")


@pytest.mark.parametrize(
    ("revoked", "ended"),
    [((LIGHT,), ["light"]), ((AGENT,), ["light", "other"]), ((CA,), ["light", "other"]), ((), [])],
    ids=["service", "access point", "authority", "nobody"],
)
async def test_who_is_cut(revoked: tuple[CertificateKey, ...], ended: list[str]) -> None:
    aborted: list[str] = []
    table = connections(light=(LIGHT, CA, AGENT), other=(CertificateKey(b"site-ca", b"\x04"), CA, AGENT), plain=())
    in_force = RevocationsInForce()
    revocations = Revocations({b"site-ca": frozenset(key.serial for key in revoked)})
    WorkerRevocation(in_force, table, aborted.extend, on_expiry=unexpected).replace(revocations)
    assert aborted == ended
    assert in_force.current is revocations


async def test_a_handshake_that_was_under_way_is_cut_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_AGAIN_SECONDS", 0.02)
    aborted: list[str] = []
    table = connections(light=())
    WorkerRevocation(RevocationsInForce(), table, aborted.extend, on_expiry=unexpected).replace(
        Revocations({b"site-ca": frozenset({b"\x02"})})
    )
    table["light"].certificates = (LIGHT,)
    await until(lambda: aborted == ["light"])


async def test_a_certificate_that_expires_takes_its_connections_along() -> None:
    aborted: list[str] = []
    told: list[str] = []
    table = connections(light=(LIGHT,), other=(AGENT,), plain=())
    table["light"].valid_until, table["other"].valid_until = 1000.0, 2000.0
    revocation = WorkerRevocation(
        RevocationsInForce(), table, aborted.extend, on_expiry=lambda ip, reason: told.append(f"{ip}: {reason}")
    )
    revocation.expire(1000.0)
    assert aborted == []
    revocation.expire(1000.5)
    assert aborted == ["light"]
    assert told == ["192.0.2.9: a certificate of a connection that was open has expired"]
