from __future__ import annotations

import pytest

from policy.protection import Protection

PROTECTION = Protection.of(["/agent1/router1", "192.0.2.0/24", "198.51.100.7", "2001:db8::/64", "fe80::/10"])


@pytest.mark.parametrize(
    ("service", "ip"),
    [
        ("/agent1/router1", "203.0.113.1"),
        ("/agent1/a", "192.0.2.255"),
        ("/agent1/a", "198.51.100.7"),
        ("/agent1/a", "::ffff:192.0.2.1"),
        ("/agent1/a", "2001:db8::dead:beef"),
        ("/agent1/a", "fe80::1%eth0"),
    ],
)
def test_services_and_networks_are_covered(service: str, ip: str) -> None:
    assert PROTECTION.covers(service, ip)


@pytest.mark.parametrize(
    ("service", "ip"),
    [
        ("/agent1/router10", "192.0.3.1"),
        ("/agent1/a", "2001:db8:0:1::1"),
        ("/agent1/a", "unknown"),
        ("ip:192.0.2.1", "x"),
    ],
)
def test_others_are_not(service: str, ip: str) -> None:
    assert not PROTECTION.covers(service, ip)


def test_two_protections_add_up() -> None:
    both = PROTECTION | Protection.of(["203.0.113.1"])

    assert both.covers("/agent1/a", "203.0.113.1")
    assert both.covers("/agent1/router1", "203.0.113.2")


def test_an_entry_that_is_neither_is_refused() -> None:
    with pytest.raises(ValueError, match="router1"):
        Protection.of(["router1"])
