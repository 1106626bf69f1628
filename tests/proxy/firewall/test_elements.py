"""What is read of the sets is what the kernel's own tool says, and what is missing is found."""

from __future__ import annotations

import pytest

from proxy.firewall.commands import InstallTable
from proxy.firewall.elements import key_of, read_elements, whole
from proxy.firewall.netlink import NetlinkError
from proxy.firewall.nftables import Firewall
from proxy.firewall.plan import Entry
from proxy.firewall.ruleset import LONGEST, SETS, set_of
from tests.network.namespaces import Host
from tests.proxy.firewall.watched import PLAN

ENTRIES = (
    Entry(ip="10.77.1.10"),
    Entry(ip="10.77.1.11", until=1100.0),
    Entry(ip="fd77:1::10"),
    Entry(ip="10.77.1.10", mac="02:00:5e:00:53:01"),
    Entry(ip="fd77:1::10", mac="02:00:5e:00:53:01"),
)


def test_every_kind_of_element_is_read_by_its_key(machine: Host) -> None:
    Firewall(now=lambda: 1000.0).apply(InstallTable(PLAN, ENTRIES))
    for name in SETS:
        found = read_elements(name)
        assert set(found) == {key_of(entry) for entry in ENTRIES if set_of(entry) == name}
    left = read_elements("quarantine4")
    assert left[key_of(ENTRIES[0])] is None
    assert left[key_of(ENTRIES[1])] == pytest.approx(100, abs=5)


def test_more_than_one_answer_is_read(machine: Host) -> None:
    many = tuple(Entry(ip=f"10.8.{n >> 8}.{n & 255}", until=2e9) for n in range(3000))
    Firewall().apply(InstallTable(PLAN, many))
    assert set(read_elements("quarantine4")) == {key_of(entry) for entry in many}


def test_a_set_that_is_not_there_is_told(machine: Host) -> None:
    with pytest.raises(NetlinkError):
        read_elements("quarantine4")


@pytest.mark.parametrize(
    ("until", "left", "expected"),
    [
        (None, None, True),
        (None, 50.0, False),
        (1100.0, 100.0, True),
        (1100.0, 99.0, True),
        (1100.0, 90.0, False),
        (1100.0, 5000.0, True),
        (1100.0, None, True),
        (1e15, LONGEST / 1000, True),
    ],
)
def test_an_end_that_is_earlier_than_wanted_is_found(until: float | None, left: float | None, expected: bool) -> None:
    assert whole({b"a": until}, {b"a": left}, 1000.0) is expected


def test_who_is_missing_is_found_unless_the_time_is_over() -> None:
    assert not whole({b"a": None}, {b"b": None}, 1000.0)
    assert not whole({b"a": 1010.0}, {}, 1000.0)
    assert whole({b"a": 1001.0, b"b": 900.0}, {}, 1000.0)
