"""One-time tokens, as text that people pass on."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509

from proxy.federation.invitation import Invitation, fingerprint
from tests.site.certificates import SiteAuthority


def certificate(authority: SiteAuthority) -> x509.Certificate:
    return x509.load_pem_x509_certificate(authority.certificate.read_bytes())


def test_a_token_is_read_as_it_was_written(authority: SiteAuthority) -> None:
    invitation = Invitation.new("site-a.example", certificate(authority))
    read = Invitation.parse(f"  {invitation}\n")
    assert read == invitation
    assert read.digest == invitation.digest
    assert read.fingerprint == fingerprint(certificate(authority))


def test_no_two_tokens_are_alike(authority: SiteAuthority) -> None:
    assert len({Invitation.new("a", certificate(authority)).digest for _ in range(10)}) == 10


def test_another_ca_has_another_fingerprint(authority: SiteAuthority, tmp_path: Path) -> None:
    assert fingerprint(certificate(authority)) != fingerprint(certificate(SiteAuthority(tmp_path)))


@pytest.mark.parametrize("change", ["", "alleyes1:a", "{}x", "x{}", "{}\0"])
def test_what_is_no_token_is_refused(authority: SiteAuthority, change: str) -> None:
    with pytest.raises(ValueError, match="no token of a federation service"):
        Invitation.parse(change.format(Invitation.new("a", certificate(authority))))
