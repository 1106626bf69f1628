"""Which certificates are revoked, told by issuer and serial number."""

from __future__ import annotations

import msgspec
import pytest

from proxy.identity import IdentityError
from proxy.revocation import Revocations, RevocationsInForce, key_of, serial_bytes
from tests.site.certificates import SiteAuthority, load


def test_a_serial_number_counts_for_its_issuer_only(authority: SiteAuthority) -> None:
    light = load(authority.service("light1").certificate)
    other = load(authority.service("light2").certificate)
    revoked = Revocations({key_of(light).issuer: frozenset({key_of(light).serial})})
    assert revoked.names(key_of(light))
    assert not revoked.names(key_of(other))
    assert not Revocations({b"somebody else": frozenset({key_of(light).serial})}).names(key_of(light))
    assert revoked.name_any([key_of(other), key_of(light)])
    assert not revoked.name_any([])


@pytest.mark.parametrize("number", [0, 1, 127, 128, 255, 256, 2**159 - 1, 2**160 - 1, -1])
def test_each_number_has_bytes_of_its_own(number: int) -> None:
    assert int.from_bytes(serial_bytes(number), "big", signed=True) == number


def test_it_passes_between_processes(authority: SiteAuthority) -> None:
    key = key_of(load(authority.service("light1").certificate))
    revoked = Revocations({key.issuer: frozenset({key.serial})})
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(revoked), type=Revocations) == revoked


def test_the_problem_names_the_certificate_and_another_list_lifts_it(authority: SiteAuthority) -> None:
    light = load(authority.service("light1").certificate)
    in_force = RevocationsInForce()
    in_force.require_valid(light)
    in_force.current = Revocations({key_of(light).issuer: frozenset({key_of(light).serial})})
    with pytest.raises(IdentityError, match=rf"^CN=light1 \(serial number {light.serial_number:x}\) is revoked$"):
        in_force.require_valid(light)
    in_force.current = Revocations()
    in_force.require_valid(light)
