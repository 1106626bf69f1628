"""The service's CA."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from proxy.configuration import KeyPair
from proxy.federation.identity import Role
from proxy.federation.service.authority import FILE, Authority, AuthorityError, BadRequest
from tests.proxy.federation.service.running import signing_request
from tests.site.certificates import SiteAuthority

NOW = time.time()
DAY = 86_400.0


def test_it_is_made_once_and_its_key_is_nobody_elses(tmp_path: Path) -> None:
    first = Authority.of(None, tmp_path / "state", NOW)
    assert Authority.of(None, tmp_path / "state", NOW).certificate == first.certificate
    assert [file.name for file in (tmp_path / "state").iterdir()] == [FILE]
    assert (tmp_path / "state" / FILE).stat().st_mode & 0o777 == 0o600
    assert first.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_processes_that_start_together_have_the_same(tmp_path: Path) -> None:
    together, found = threading.Barrier(8), []

    def start() -> None:
        together.wait()
        found.append(Authority.of(None, tmp_path, NOW).certificate)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_certificate_says_who_holds_it_and_for_what(tmp_path: Path) -> None:
    authority = Authority.of(None, tmp_path, NOW)
    issued = authority.issue(signing_request(), "site-a", Role.OPERATOR, NOW, DAY)
    issued.certificate.verify_directly_issued_by(authority.certificate)
    names = {name.oid: name.value for name in issued.certificate.subject}
    assert names == {NameOID.COMMON_NAME: "site-a", NameOID.ORGANIZATIONAL_UNIT_NAME: "operator"}
    usage = issued.certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert (
        issued.not_after == int(issued.certificate.not_valid_after_utc.timestamp()) == pytest.approx(NOW + DAY, abs=1)
    )
    assert issued.serial == f"{issued.certificate.serial_number:x}"


def test_no_certificate_outlives_the_authority(tmp_path: Path) -> None:
    authority = Authority.of(None, tmp_path, NOW)
    issued = authority.issue(signing_request(), "site-a", Role.ORIGIN, NOW, 100 * 365 * DAY)
    assert issued.certificate.not_valid_after_utc == authority.certificate.not_valid_after_utc


@pytest.mark.parametrize("request_", ["", "nonsense", "x" * 9000, "-----BEGIN CERTIFICATE REQUEST-----\n"])
def test_what_is_no_request_gets_none(tmp_path: Path, request_: str) -> None:
    with pytest.raises(BadRequest):
        Authority.of(None, tmp_path, NOW).issue(request_, "site-a", Role.ORIGIN, NOW, DAY)


def test_who_asks_for_a_key_must_hold_it(tmp_path: Path) -> None:
    """The signature of the request is by another key."""
    request = signing_request().splitlines()
    other = signing_request().splitlines()
    request[-3:] = other[-3:]
    with pytest.raises(BadRequest):
        Authority.of(None, tmp_path, NOW).issue("\n".join(request), "site-a", Role.ORIGIN, NOW, DAY)


def test_other_kinds_of_keys_are_taken(tmp_path: Path) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, None)
    pem = request.public_bytes(serialization.Encoding.PEM).decode()
    issued = Authority.of(None, tmp_path, NOW).issue(pem, "site-a", Role.ORIGIN, NOW, DAY)
    assert issued.certificate.public_key() == key.public_key()


def test_one_that_is_given_is_used(tmp_path: Path) -> None:
    Authority.of(None, tmp_path, NOW)
    file = tmp_path / FILE
    given = Authority.of(KeyPair(certificate=file, key=file), tmp_path / "elsewhere", NOW)
    assert given.certificate == Authority.of(None, tmp_path, NOW).certificate
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda file: file.unlink(), "No such file"),
        (lambda file: file.write_text("nonsense"), "cannot be used"),
        (lambda file: file.chmod(0o640), "others may read the key of the CA -- chmod 0600 it"),
    ],
)
def test_what_is_wrong_with_it_is_told_with_the_file(tmp_path: Path, spoil: object, told: str) -> None:
    Authority.of(None, tmp_path, NOW)
    file = tmp_path / FILE
    assert callable(spoil)
    spoil(file)
    with pytest.raises(AuthorityError) as caught:
        Authority.of(KeyPair(certificate=file, key=file), tmp_path, NOW)
    assert str(file) in str(caught.value)
    assert told in str(caught.value)


def test_a_certificate_of_somebody_is_no_authority(tmp_path: Path) -> None:
    somebody = SiteAuthority(tmp_path).service("light1")
    somebody.key.chmod(0o600)
    with pytest.raises(AuthorityError, match="is no CA's certificate"):
        Authority.of(KeyPair(certificate=somebody.certificate, key=somebody.key), tmp_path, NOW)


def test_a_key_of_another_is_told(tmp_path: Path) -> None:
    for name in ("a", "b"):
        Authority.of(None, tmp_path / name, NOW)
    mixed = KeyPair(certificate=tmp_path / "a" / FILE, key=tmp_path / "b" / FILE)
    with pytest.raises(AuthorityError, match="is not the key of"):
        Authority.of(mixed, tmp_path, NOW)


def test_one_that_has_expired_is_told(tmp_path: Path) -> None:
    Authority.of(None, tmp_path, NOW - 21 * 365 * DAY)
    with pytest.raises(AuthorityError, match=r"expired on .* -- make a new CA"):
        Authority.of(None, tmp_path, NOW)
