"""What is read of the sets is what the kernel's own tool says, and what is missing is found."""

from __future__ import annotations

import pytest

from proxy.firewall.commands import MOST_ENTRIES, InstallTable
from proxy.firewall.elements import insertion, key_of, read_elements, removal, whole
from proxy.firewall.netlink import NetlinkError, PacketFilter
from proxy.firewall.nftables import Firewall
from proxy.firewall.plan import Entry
from proxy.firewall.ruleset import LONGEST, SETS, set_of
from proxy.firewall.structure import NFTABLES
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


@pytest.fixture
def kernel(machine: Host) -> PacketFilter:
    Firewall().apply(InstallTable(PLAN))
    return PacketFilter()


def test_every_kind_of_element_is_put_in_and_taken_out(kernel: PacketFilter) -> None:
    kernel.change(insertion(ENTRIES, 1000.0), NFTABLES)
    for name in SETS:
        assert set(read_elements(name)) == {key_of(entry) for entry in ENTRIES if set_of(entry) == name}
    kernel.change(removal(ENTRIES), NFTABLES)
    assert not any(map(read_elements, SETS))


def test_the_kernel_s_own_tool_reads_what_was_put_in(kernel: PacketFilter, machine: Host) -> None:
    kernel.change(insertion([Entry(ip="10.77.1.10", mac="02:00:5e:00:53:01", until=1090.0)], 1000.0), NFTABLES)
    told = machine.run(["nft", "list", "set", "inet", "alleyes", "quarantine_link4"]).stdout
    assert "02:00:5e:00:53:01 . 10.77.1.10 timeout 1m30s" in told


def test_a_sender_named_twice_counts_once_with_its_last_end(kernel: PacketFilter) -> None:
    twice = [Entry(ip="10.77.1.10", until=1110.0), Entry(ip="10.77.1.10", until=1120.0)]
    kernel.change(insertion(twice, 1000.0), NFTABLES)
    assert read_elements("quarantine4") == {key_of(twice[0]): pytest.approx(120, abs=5)}


@pytest.mark.parametrize("until", [1500.0, 1010.0, None])
def test_who_is_in_it_already_stays_until_the_new_end(kernel: PacketFilter, until: float | None) -> None:
    kernel.change(insertion([Entry(ip="10.77.1.10", until=1100.0)], 1000.0), NFTABLES)
    again = Entry(ip="10.77.1.10", until=until)
    kernel.change(insertion([again], 1000.0), NFTABLES)
    left = None if until is None else pytest.approx(until - 1000, abs=5)
    assert read_elements("quarantine4") == {key_of(again): left}


def test_who_is_not_in_it_can_be_taken_out(kernel: PacketFilter) -> None:
    kernel.change(removal(ENTRIES), NFTABLES)
    assert not any(map(read_elements, SETS))


def test_what_is_over_is_not_put_in() -> None:
    assert insertion([Entry(ip="10.77.1.10", until=1000.0)], 1000.0) == []


def test_as_many_as_a_command_may_name_fit_one_transaction(kernel: PacketFilter) -> None:
    many = [Entry(ip=f"fd77::{n:x}", mac="02:00:5e:00:53:01", until=2e9) for n in range(MOST_ENTRIES)]
    networks = [Entry(ip=f"fd77:0:0:{n:x}::1", mac="02:00:5e:00:53:01", until=2e9) for n in range(MOST_ENTRIES)]
    kernel.change(insertion(many, 1e9), NFTABLES)
    kernel.change(insertion(networks, 1e9), NFTABLES)
    assert len(read_elements("quarantine_link6")) == MOST_ENTRIES


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
