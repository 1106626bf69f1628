"""What the table is made of, against a real kernel."""

from __future__ import annotations

import statistics
import time

import pytest

from proxy.firewall.commands import InstallTable, Quarantine, Uninstall
from proxy.firewall.netlink import PacketFilter
from proxy.firewall.nftables import Firewall
from proxy.firewall.ruleset import COUNTERS, SETS
from proxy.firewall.structure import Structure, read_generation, read_structure
from tests.network.namespaces import Host
from tests.proxy.firewall.test_nftables import PLAN, many

CHANGES = {
    "flush table inet alleyes": "rules",
    "flush chain inet alleyes quarantine": "rules",
    "add rule inet alleyes guard_access_points accept": "rules",
    "insert rule inet alleyes guard_listeners accept": "rules",
    "delete chain inet alleyes guard_access_points": "chains",
    "add chain inet alleyes guard_access_points { policy drop; }": "chains",
    "add table inet alleyes { flags dormant; }": "table",
    "add set inet alleyes another { type ipv4_addr; }": "sets",
    "flush ruleset": "table",
}


def test_without_a_table_there_is_nothing(machine: Host) -> None:
    assert read_structure() == Structure((), (), (), (), ())


def test_the_parts_are_found_whatever_others_have(machine: Host) -> None:
    Firewall().apply(InstallTable(PLAN))
    alone = read_structure()
    machine.run(["nft", "add table inet foreign; add chain inet foreign c; add rule inet foreign c accept"])
    assert read_structure() == alone
    assert (len(alone.table), len(alone.chains), len(alone.counters)) == (1, 13, len(COUNTERS))
    assert len(alone.sets) >= len(SETS)


def test_only_what_the_table_does_counts(machine: Host) -> None:
    """Not who is in quarantine, what was counted, or which handles a new installation gave."""
    firewall = Firewall()
    firewall.apply(InstallTable(PLAN))
    before = read_structure()
    firewall.apply(Quarantine(many(3)))
    assert read_structure() == before
    firewall.apply(InstallTable(PLAN, many(7)))
    assert read_structure() == before


@pytest.mark.parametrize(("change", "part"), CHANGES.items())
def test_a_change_is_seen(machine: Host, change: str, part: str) -> None:
    Firewall().apply(InstallTable(PLAN))
    before = read_structure()
    machine.run(["nft", change])
    assert part in before.differences(read_structure())


def test_the_loss_of_any_single_rule_is_seen(machine: Host) -> None:
    firewall = Firewall()
    firewall.apply(InstallTable(PLAN))
    whole = read_structure()
    for number in range(len(whole.rules)):
        listing = machine.run(["nft", "-a", "list", "table", "inet", "alleyes"]).stdout.splitlines()
        chain, rules = "", []
        for line in listing:
            words = line.split()
            chain = words[1] if words[:1] == ["chain"] else chain
            if "# handle" in line and "{ # handle" not in line:
                rules.append((chain, words[-1]))
        assert len(rules) == len(whole.rules)
        machine.run(["nft", "delete", "rule", "inet", "alleyes", rules[number][0], "handle", rules[number][1]])
        assert "rules" in whole.differences(read_structure())
        firewall.apply(InstallTable(PLAN))
        assert whole.differences(read_structure()) == ()


def test_reading_is_quick_whatever_the_sets_hold(machine: Host) -> None:
    firewall = Firewall()

    def seconds() -> float:
        times = []
        for _ in range(20):
            begun = time.perf_counter()
            read_structure()
            times.append(time.perf_counter() - begun)
        return statistics.median(times)

    firewall.apply(InstallTable(PLAN))
    of_empty_sets = seconds()
    firewall.apply(InstallTable(PLAN, many(20_000)))
    of_full_ones = seconds()
    firewall.apply(Uninstall())
    assert of_full_ones < 10 * of_empty_sets


def test_each_transaction_of_anybody_makes_the_generation_one_more(machine: Host) -> None:
    kernel = PacketFilter()
    before = read_generation(kernel)
    assert read_generation(kernel) == before
    machine.run(["nft", "add table inet foreign; add table inet another"])
    assert read_generation(kernel) == before + 1
    machine.run(["nft", "list", "ruleset"])
    assert read_generation(kernel) == before + 1
