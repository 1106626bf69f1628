"""Settings of `tls: server` that cannot mean anything are refused, and those that can are kept in one spelling."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from proxy.server_tls_settings import AccessPointSide, ServiceCertificate, ServiceSide

DIGITS = "0A" * 32


def test_a_fingerprint_is_taken_as_openssl_prints_it() -> None:
    spelt = ":".join(["0A"] * 32)
    for text in (DIGITS, DIGITS.lower(), spelt):
        assert AccessPointSide.model_validate({"fingerprint": f"sha256:{text}"}).fingerprint == f"sha256:{'0a' * 32}"


@pytest.mark.parametrize(
    "text", ["", DIGITS, f"sha1:{DIGITS}", f"sha256:{DIGITS[1:]}", f"sha256:{DIGITS}00", "sha256:"]
)
def test_what_is_no_fingerprint(text: str) -> None:
    with pytest.raises(ValidationError, match="is no fingerprint"):
        AccessPointSide.model_validate({"fingerprint": text})


@pytest.mark.parametrize(
    ("name", "kept", "asked_for"),
    [
        ("Bridge.House", "bridge.house", "bridge.house"),
        ("bridge.house.", "bridge.house", "bridge.house"),
        ("10.0.0.20", "10.0.0.20", None),
        ("2001:DB8:0::1", "2001:db8::1", None),
        ("xn--brcke-lva.house", "xn--brcke-lva.house", "xn--brcke-lva.house"),
    ],
)
def test_a_name_is_a_host_or_an_address(name: str, kept: str, asked_for: str | None) -> None:
    side = AccessPointSide.model_validate({"ca": "ca.pem", "name": name})
    assert (side.name, side.server_name) == (kept, asked_for)


@pytest.mark.parametrize(
    "name", ["*.house", "", ".", "bridge.house:443", "https://bridge", "a b", "brücke.house", "10.0.0.256", "a" * 254]
)
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(ValidationError, match="is neither a host name nor an IP address"):
        AccessPointSide.model_validate({"ca": "ca.pem", "name": name})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "has neither fingerprint nor ca and name"),
        ({"ca": "ca.pem"}, "has one of ca and name"),
        ({"name": "bridge"}, "has one of ca and name"),
        ({"ca": "ca.pem", "name": "bridge", "fingerprint": f"sha256:{DIGITS}"}, "has both a fingerprint and a ca"),
        ({"fingerprint": f"sha256:{DIGITS}", "key": "own.key"}, "has one of certificate and key"),
    ],
)
def test_an_access_point_is_told_from_an_impostor_in_one_way(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        AccessPointSide.model_validate(given)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"certificate": "own.pem"}, "has one of certificate and key"),
        ({"client_ca": "ca.pem", "client_certificates": "none"}, "asks for no certificates"),
    ],
)
def test_what_services_are_shown_and_asked_for_fits_together(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        ServiceSide.model_validate(given)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "has neither name nor fingerprint"),
        ({"name": "tablet", "fingerprint": f"sha256:{DIGITS}"}, "has both name and fingerprint"),
        ({"fingerprint": f"sha256:{DIGITS}", "ca": "ca.pem"}, "no name that it vouches for"),
        ({"name": "*.house"}, "cannot be the name in a certificate"),
        ({"name": "\N{KELVIN SIGN}itchen"}, "cannot be the name in a certificate"),
    ],
)
def test_a_certificate_of_a_service_is_known_by_one_thing(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        ServiceCertificate.model_validate(given)


def test_host_names_the_port_unless_it_is_that_of_https() -> None:
    named = AccessPointSide.model_validate({"ca": "ca.pem", "name": "lamp.house"})
    assert (named.authority(443), named.authority(8443)) == ("lamp.house", "lamp.house:8443")
    assert AccessPointSide.model_validate({"fingerprint": f"sha256:{DIGITS}"}).authority(443) is None
