"""Who is behind an address, for how long that is remembered, and what of it fits in memory."""

from __future__ import annotations

import pytest

from proxy import carriers as module
from proxy.carriers import REMEMBERED_SECONDS, Carriers, inventoried
from proxy.configuration import InventoryDocument
from proxy.places import Place

MAC, OTHER = "02:00:5e:00:53:01", "02:00:5e:00:53:02"
NOW = 1_000_000.0
INVENTORY = InventoryDocument.model_validate(
    {"services": [{"address": "/agent1/boiler", "ip": "192.0.2.40", "addresses": [{"ip": "2001:db8::40"}]}]}
)


def see(carriers: Carriers, ip: str, identity: str, now: float, link: str | None = None) -> None:
    carriers.see(ip, identity, now, address=f"/agent1/{identity.rpartition(':')[2]}", link=link)


def test_who_was_seen_is_remembered_for_a_day() -> None:
    carriers = Carriers(inventoried(INVENTORY))
    see(carriers, "192.0.2.9", "certificate:a", NOW)
    see(carriers, "192.0.2.9", "certificate:b", NOW + 10)
    assert carriers.at("192.0.2.9", NOW + 20) == {"certificate:a", "certificate:b"}
    assert carriers.at("192.0.2.9", NOW + REMEMBERED_SECONDS) == {"certificate:b"}
    assert carriers.at("192.0.2.40", NOW + 1e9) == {"/agent1/boiler"}
    assert carriers.at("192.0.2.10", NOW) == frozenset()


def test_of_ipv6_a_device_is_behind_all_addresses_with_its_link_address() -> None:
    carriers = Carriers(inventoried(INVENTORY))
    see(carriers, "2001:db8::1:1", "certificate:a", NOW, MAC)
    see(carriers, "2001:db8::1:2", "certificate:b", NOW, MAC)
    see(carriers, "2001:db8::2", "certificate:c", NOW, OTHER)
    see(carriers, "2001:db8:0:1::1", "certificate:d", NOW, MAC)
    assert carriers.behind(Place("2001:db8::1:1", MAC), NOW) == {"certificate:a", "certificate:b", "/agent1/boiler"}
    assert carriers.behind(Place("2001:db8::2", None), NOW) == {"certificate:c"}
    assert carriers.behind(Place("2001:db8:0:1::/64", None), NOW) == {"certificate:d"}


def test_where_somebody_was_seen_last_is_known() -> None:
    carriers = Carriers()
    see(carriers, "192.0.2.10", "certificate:a", NOW + 5)
    see(carriers, "192.0.2.9", "certificate:a", NOW)
    assert carriers.latest("certificate:a") == "192.0.2.10"
    assert carriers.latest("certificate:b") is None


def test_what_was_stored_is_as_it_was() -> None:
    before, after = Carriers(), Carriers()
    for number in range(3):
        see(before, f"2001:db8::{number}", "certificate:a", NOW + number)
    after.load(before.dump())
    assert after.dump() == before.dump()
    assert after.behind(Place("2001:db8::/64", None), NOW) == {"certificate:a"}


def test_memory_is_bounded_and_the_longest_unseen_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ADDRESSES", 3)
    monkeypatch.setattr(module, "MOST_AT_ONE", 2)
    carriers = Carriers()
    for number in (1, 2, 3, 1, 4):
        see(carriers, f"2001:db8:{number}::1", "certificate:a", NOW)
    assert list(carriers.dump()) == ["2001:db8:3::1", "2001:db8:1::1", "2001:db8:4::1"]
    assert carriers.behind(Place("2001:db8:2::/64", None), NOW) == frozenset()
    for name in "abcd":
        see(carriers, "192.0.2.9", f"certificate:{name}", NOW)
    assert carriers.at("192.0.2.9", NOW) == {"certificate:c", "certificate:d"}


@pytest.mark.parametrize("known", [True, False], ids=["a certificate", "a stranger"])
def test_whoever_goes_from_address_to_address_pushes_nobody_out(monkeypatch: pytest.MonkeyPatch, known: bool) -> None:
    monkeypatch.setattr(module, "MOST_ADDRESSES", 20)
    monkeypatch.setattr(module, "MOST_OF_ONE", 3)
    carriers = Carriers()
    see(carriers, "192.0.2.9", "certificate:b", NOW)
    see(carriers, "2001:db8::0", "certificate:b", NOW)
    for number in range(100):
        ip = f"2001:db8::{number:x}"
        see(carriers, ip, "certificate:a" if known else f"ip:{ip}", NOW + number)
    assert list(carriers.dump()) == ["192.0.2.9", "2001:db8::0", "2001:db8::61", "2001:db8::62", "2001:db8::63"]
    assert carriers.at("192.0.2.9", NOW) == {"certificate:b"}
    assert carriers.at("2001:db8::0", NOW) == {"certificate:b"}
    assert carriers.latest("certificate:a") == ("2001:db8::63" if known else None)
    carriers.load(carriers.dump())
    assert len(carriers.dump()) == 5


def test_one_certificate_has_a_name_at_each_access_point(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_NAMES", 2)
    carriers = Carriers()
    for agent in ("agent1", "agent2", "agent1", "agent3"):
        carriers.see("192.0.2.9", "certificate:a", NOW, address=f"/{agent}/a")
    assert carriers.dump()["192.0.2.9"]["certificate:a"].addresses == ("/agent2/a", "/agent3/a")
