"""What a certificate says of a caller."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from proxy.clocks import real_now
from proxy.federation.identity import Role
from proxy.federation.messages import Enrolment
from proxy.federation.service import authentication, revocations
from proxy.federation.service.authentication import Caller, read
from tests.proxy.federation.service.learnt import learnt
from tests.proxy.federation.service.running import Place, signing_request


def certificate(name: str = "site-a", unit: str = "origin", **changes: Any) -> dict[str, Any]:
    """As Python's ssl module tells of one that it has verified."""
    subject = ((("commonName", name),), (("organizationalUnitName", unit),))
    return {"subject": subject, "serialNumber": "0AFF", "notAfter": "Nov 26 18:00:00 2026 GMT"} | changes


def test_name_role_and_serial_number_are_read() -> None:
    assert read(certificate()) == Caller("site-a", Role.ORIGIN, "aff", 1795716000.0)
    assert read(certificate(unit="operator")) == Caller("site-a", Role.OPERATOR, "aff", 1795716000.0)


@pytest.mark.parametrize(
    "told",
    [
        {},
        certificate(name="Site A"),
        certificate(name="../site"),
        certificate(name="a" * 64),
        certificate(unit="root"),
        certificate(unit=""),
        certificate(serialNumber="xyz"),
        certificate(subject=()),
    ],
)
def test_who_has_no_certificate_of_this_service_is_nobody(told: dict[str, Any]) -> None:
    assert read(told) is None


def test_a_certificate_that_is_not_on_record_is_of_no_use(tmp_path: Path) -> None:
    """As after a restored backup, or where a CA that issues elsewhere as well was given."""
    with Place(tmp_path).serving() as place:
        key = ec.generate_private_key(ec.SECP256R1())
        issued = place.authority.issue(signing_request(key), "site-x", Role.ORIGIN, real_now(), 9999)
        pem, until = issued.pem, issued.not_after
        given = Enrolment(
            origin="site-x", role="origin", certificate=pem, authority=place.authority.pem, not_after=until
        )
        unknown = place.holder(given, key)
        for answer in (unknown.contribute(learnt()), unknown.ask("GET", "/v1/models"), unknown.enrol(None)):
            assert (answer.status, answer.code) == (403, "unauthenticated")
            assert "enrol again with a new token" in answer.json["detail"]
        assert place.member("site-x").contribute(learnt()).status == 204


def test_on_a_connection_that_is_kept_the_store_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "LOOK_UP", 0.2)
    # What is revoked is not heard of otherwise.
    monkeypatch.setattr(revocations, "POLL", 8.0)
    with Place(tmp_path).serving() as place:
        member = place.member("kept")
        assert member.ask("GET", "/v1/models").status == 200
        place.revoke("kept")
        time.sleep(0.3)
        assert member.ask("GET", "/v1/models").code == "unauthenticated"
