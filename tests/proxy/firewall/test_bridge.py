"""What the second table says; that it does what it says is seen by packets in tests/network."""

from __future__ import annotations

import msgspec

from proxy.firewall.bridge import OTHER_BITS, bridge_removal, bridge_table
from proxy.firewall.sides import Mark
from tests.proxy.firewall.test_ruleset import TWO, chain

TEXT = bridge_table(msgspec.structs.replace(TWO, bridge="br0"), "alleyes")


def test_marks_of_others_stay_and_ours_are_cleared_on_arrival() -> None:
    assert chain(TEXT, "note_arrivals")[0] == "meta mark set mark and 0x03ffffff"
    assert sum(Mark) + OTHER_BITS == 0xFFFF_FFFF


def test_an_access_point_s_address_is_claimed_by_no_service() -> None:
    claims = [rule for rule in chain(TEXT, "note_arrivals") if rule.endswith("counter name spoofed drop")]
    assert len(claims) == 2
    assert "arp saddr ip { 10.77.2.11, 10.77.2.12 }" in claims[0]
    assert "{ 0xfd770002000000000000000000000011 }" in claims[1]


def test_what_has_not_met_the_guard_does_not_cross() -> None:
    assert "meta mark and 0xa0000000 == 0x20000000 ether type != arp counter name bypass drop" in TEXT


def test_it_takes_the_place_of_the_one_before() -> None:
    assert TEXT.startswith(f"{bridge_removal('alleyes')}\ntable bridge alleyes {{")
