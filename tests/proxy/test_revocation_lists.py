"""Revocation lists of every form in which a CA hands them out, and files that must not count."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from proxy.configuration import GatewayDocument
from proxy.revocation import key_of
from proxy.revocation_lists import (
    RevocationFiles,
    RevocationListError,
    own_certificate_problems,
    read_lists,
    revocation_files,
    stamp_of,
)
from tests.proxy.parts import plain_point, plain_settings, revocation_files_of
from tests.site.certificates import SiteAuthority, load

NOW = datetime.now(UTC)


def written(file: Path, content: bytes) -> Path:
    file.write_bytes(content)
    return file


def problem(files: RevocationFiles) -> str:
    with pytest.raises(RevocationListError) as refused:
        read_lists(files)
    return "\n".join(refused.value.problems)


@pytest.mark.parametrize("der", [False, True])
def test_a_list_of_the_site_s_ca(authority: SiteAuthority, tmp_path: Path, der: bool) -> None:
    light, other = authority.service("light1").certificate, authority.service("light2").certificate
    file = written(tmp_path / "site.crl", authority.revocation_list([light], der=der))
    lists = read_lists(revocation_files_of(authority, file))
    assert lists.revocations.names(key_of(load(light)))
    assert not lists.revocations.names(key_of(load(other)))
    assert [each.issuer for each in lists.lists] == ["CN=site-ca"]
    assert lists.warnings(NOW) == []


def test_lists_know_which_files_they_were_read_from(authority: SiteAuthority, tmp_path: Path) -> None:
    file = written(tmp_path / "site.crl", authority.revocation_list([]))
    lists = read_lists(revocation_files_of(authority, file))
    assert lists.stamp == stamp_of([file])
    os.utime(file, (1, 1))
    assert lists.stamp != stamp_of([file])
    assert read_lists(revocation_files_of(authority, file)) == lists, "it says the same"


def test_several_files_and_several_lists_in_one_all_count(authority: SiteAuthority, tmp_path: Path) -> None:
    certificates = [authority.service(f"light{n}").certificate for n in range(3)]
    first, second, third = (authority.revocation_list([each]) for each in certificates)
    files = [written(tmp_path / "a.crl", first + second), written(tmp_path / "b.crl", third)]
    lists = read_lists(revocation_files_of(authority, *files))
    assert len(lists.revocations) == 3
    assert all(lists.revocations.names(key_of(load(each))) for each in certificates)


def test_a_list_of_a_ca_below_the_site_s_counts_with_its_certificate(authority: SiteAuthority, tmp_path: Path) -> None:
    floor = authority.intermediate("floor-ca")
    light = floor.service("light1").certificate
    own = floor.revocation_list([light])
    alone = written(tmp_path / "alone.crl", own)
    assert "its issuer CN=floor-ca is neither the site's CA nor certified by it" in problem(
        revocation_files_of(authority, alone)
    )
    together = written(tmp_path / "together.crl", own + floor.certificate.read_bytes())
    assert read_lists(revocation_files_of(authority, together)).revocations.names(key_of(load(light)))


def test_a_certificate_beside_the_list_makes_no_authority(authority: SiteAuthority, tmp_path: Path) -> None:
    """Neither somebody else's CA, nor a service of the site, nor a CA that only has the name of the site's."""
    stranger = SiteAuthority(tmp_path, name="stranger-ca")
    namesake = SiteAuthority(tmp_path / "elsewhere", name="site-ca")
    for made in (stranger, namesake):
        content = made.revocation_list([]) + made.certificate.read_bytes()
        told = problem(revocation_files_of(authority, written(tmp_path / "forged.crl", content)))
        assert "neither the site's CA" in told or "its signature is not that of CN=site-ca" in told


def _without_its_end(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _changed(content: bytes) -> bytes:
    parsed = bytearray(x509.load_pem_x509_crl(content).public_bytes(serialization.Encoding.DER))
    parsed[-1] ^= 1
    return bytes(parsed)


DAMAGE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "half written": (_without_its_end, "ends in the middle"),
    "empty": (lambda _: b"", "holds no list that can be read"),
    "something else": (lambda _: b"\x00" * 100, "holds no list that can be read"),
    "changed": (_changed, "its signature is not that of CN=site-ca"),
    "with a damaged certificate": (
        lambda content: content + b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "holds a certificate that cannot be read",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_told_with_its_remedy(authority: SiteAuthority, tmp_path: Path, damage: str) -> None:
    change, reason = DAMAGE[damage]
    file = written(tmp_path / "site.crl", change(authority.revocation_list([])))
    told = problem(revocation_files_of(authority, file))
    assert told.startswith(f"{file}: cannot be used as revocation list: ")
    assert reason in told
    assert " -- " in told


def test_no_damage_does_more_than_keep_a_file_from_being_used(authority: SiteAuthority, tmp_path: Path) -> None:
    whole = authority.revocation_list([authority.service("light1").certificate], der=True)
    file = tmp_path / "site.crl"
    source = random.Random(1)
    refused = 0
    for _ in range(300):
        damaged = bytearray(whole)
        for place in source.sample(range(len(damaged)), source.randint(1, 3)):
            damaged[place] ^= source.randint(1, 255)
        file.write_bytes(damaged)
        try:
            read_lists(revocation_files_of(authority, file))
        except RevocationListError as error:
            refused += all(line.startswith(f"{file}: cannot be used") for line in error.problems)
    assert refused == 300


def test_lists_that_do_not_say_everything_are_refused(authority: SiteAuthority, tmp_path: Path) -> None:
    point = x509.IssuingDistributionPoint(
        full_name=None,
        relative_name=None,
        only_contains_user_certs=False,
        only_contains_ca_certs=False,
        only_some_reasons=None,
        indirect_crl=True,
        only_contains_attribute_certs=False,
    )
    cases: dict[str, x509.ExtensionType] = {
        "delta CRL": x509.DeltaCRLIndicator(1),
        "indirect CRL": point,
        "a critical extension that is not known: 1.3.6.1.4.1.99": x509.UnrecognizedExtension(
            x509.ObjectIdentifier("1.3.6.1.4.1.99"), b"\x05\x00"
        ),
    }
    for reason, extension in cases.items():
        content = authority.revocation_list([], extensions=[extension])
        assert reason in problem(revocation_files_of(authority, written(tmp_path / "site.crl", content)))


def test_all_problems_are_told_at_once(authority: SiteAuthority, tmp_path: Path) -> None:
    missing, directory = tmp_path / "missing.crl", tmp_path
    told = problem(revocation_files_of(authority, missing, directory))
    assert f"{missing}: cannot be used as revocation list: No such file" in told
    assert f"{directory}: cannot be used as revocation list: Is a directory" in told


def test_a_file_that_cannot_be_one_is_not_read_to_its_end(authority: SiteAuthority, tmp_path: Path) -> None:
    file = tmp_path / "huge.crl"
    with file.open("wb") as stream:
        os.truncate(stream.fileno(), 1 << 34)
    assert "is larger than" in problem(revocation_files_of(authority, file))


def test_an_old_list_still_counts_and_is_alarmed(authority: SiteAuthority, tmp_path: Path) -> None:
    light = authority.service("light1").certificate
    file = written(tmp_path / "site.crl", authority.revocation_list([light], expired=True))
    lists = read_lists(revocation_files_of(authority, file))
    assert lists.revocations.names(key_of(load(light)))
    (warning,) = lists.warnings(NOW)
    assert "is out of date since" in warning
    assert "put the CA's newest list there" in warning


def test_a_list_of_the_future_points_to_a_clock(authority: SiteAuthority, tmp_path: Path) -> None:
    lists = read_lists(revocation_files_of(authority, written(tmp_path / "site.crl", authority.revocation_list([]))))
    (warning,) = lists.warnings(NOW - timedelta(days=5))
    assert "in the future" in warning


def test_the_gateway_s_own_certificate_may_not_be_among_them(authority: SiteAuthority, tmp_path: Path) -> None:
    files = revocation_files_of(authority, tmp_path / "site.crl")
    written(tmp_path / "site.crl", authority.revocation_list(files.certificates))
    lists = read_lists(files)
    (told,) = own_certificate_problems(files, lists.revocations)
    assert told.startswith(f"{files.certificates[0]}: the gateway's own certificate is revoked -- ")


def test_the_stamp_changes_with_the_file(tmp_path: Path) -> None:
    file = tmp_path / "site.crl"
    stamps = [stamp_of([file])]
    for content in (b"one", b"other"):
        fresh = written(tmp_path / "new", content)
        fresh.replace(file)
        stamps.append(stamp_of([file]))
    assert len(set(stamps)) == 3
    assert stamp_of([file]) == stamps[-1]


def test_no_lists_revoke_nothing(authority: SiteAuthority) -> None:
    assert len(read_lists(revocation_files_of(authority)).revocations) == 0
    assert msgspec.msgpack.encode(read_lists(revocation_files_of(authority)).revocations)


def test_the_cas_of_devices_and_their_clients_have_lists_too(authority: SiteAuthority, tmp_path: Path) -> None:
    clients, makers = SiteAuthority(tmp_path, name="clients"), SiteAuthority(tmp_path, name="makers")
    own = authority.server("hue.house")
    pair = {"certificate": str(own.certificate), "key": str(own.key)}
    point = plain_point(
        tls="server",
        decoder={"mapping": "x.yaml"},
        towards_services=pair | {"client_ca": str(clients.certificate)},
        towards_access_point={"ca": str(makers.certificate), "name": "hue.house"},
    )
    lists = [written(tmp_path / f"{n}.crl", each.revocation_list([])) for n, each in enumerate((clients, makers))]
    tls = {"crl": [str(each) for each in lists]}
    files = revocation_files(GatewayDocument.model_validate(plain_settings(access_points=[point], tls=tls)))
    assert files == RevocationFiles(tuple(lists), (clients.certificate, makers.certificate), (own.certificate,))
    assert {each.issuer for each in read_lists(files).lists} == {"CN=clients", "CN=makers"}
    stranger = written(tmp_path / "stranger.crl", authority.revocation_list([]))
    assert "neither the site's CA nor certified by it" in problem(files._replace(lists=(stranger,)))
