"""What a certificate says of a caller."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.federation.service.authentication import Caller, read
from proxy.federation.service.authority import Role


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
