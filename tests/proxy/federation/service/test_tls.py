"""TLS of the service, as callers meet it."""

from __future__ import annotations

import socket
import ssl
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from proxy.federation.service.tls import ServerTls
from tests.proxy.federation.service.running import HOST, Place
from tests.site.certificates import SiteAuthority


def handshake(service: Place, context: ssl.SSLContext) -> tuple[str | None, x509.Certificate]:
    with socket.create_connection((HOST, service.port)) as raw, context.wrap_socket(raw, server_hostname=HOST) as tls:
        tls.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        if not tls.recv(100).startswith(b"HTTP/1.1 200"):
            raise ConnectionError
        shown = tls.getpeercert(binary_form=True)
        assert shown is not None
        return tls.version(), x509.load_der_x509_certificate(shown)


def test_its_certificate_is_of_its_own_ca_and_for_its_name(service: Place) -> None:
    _, shown = handshake(service, service.trusting())
    shown.verify_directly_issued_by(service.authority.certificate)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3_are_spoken(service: Place, version: ssl.TLSVersion) -> None:
    context = service.trusting()
    context.minimum_version = context.maximum_version = version
    assert handshake(service, context)[0] == version.name.replace("_", ".")


def test_older_tls_is_not(service: Place) -> None:
    context = service.trusting()
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        handshake(service, context)


@pytest.mark.parametrize("kind", ["service", "self_signed"])
def test_certificates_of_others_are_refused_by_tls(service: Place, tmp_path: Path, kind: str) -> None:
    stranger = getattr(SiteAuthority(tmp_path), kind)("site-a")
    context = service.trusting()
    context.load_cert_chain(stranger.certificate, stranger.key)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        handshake(service, context)


def subordinate(directory: Path) -> tuple[Path, Path]:
    """Return a CA that another one vouches for: certificate and key."""
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("root", "federation")]
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in names]
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(names[0], names[1], keys[1].public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=300))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(keys[1].public_key()), critical=False)
        .sign(keys[0], hashes.SHA256())
    )
    certificate, key = directory / "ca.pem", directory / "ca.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form, nothing = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    key.write_bytes(keys[1].private_bytes(serialization.Encoding.PEM, form, nothing))
    key.chmod(0o600)
    return certificate, key


def test_a_ca_that_another_one_vouches_for_is_as_good(tmp_path: Path) -> None:
    certificate, key = subordinate(tmp_path)
    place = Place(tmp_path, {"authority": {"certificate": str(certificate), "key": str(key)}})
    (tmp_path / "state").mkdir()
    with place.serving():
        assert place.member("site-a").ask("GET", "/v1/models").status == 200


def test_the_certificate_is_renewed_before_it_expires(tmp_path: Path) -> None:
    place = Place(tmp_path, {"certificates": {"server": "90d"}})
    tls, now = ServerTls(place.document, place.authority), time.time()
    assert tls.renew(now)
    assert not tls.renew(now + 59 * 86_400)
    assert tls.renew(now + 61 * 86_400)
    assert [file.name for file in place.document.state_directory.iterdir()] == ["authority.pem"]
