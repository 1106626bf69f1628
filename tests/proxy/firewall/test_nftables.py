"""The commands against a real kernel, in a machine of their own; what packets make of it is in tests/network."""

from __future__ import annotations

import json
import statistics
import time

import msgspec
import pytest

from proxy.firewall import nftables, ruleset
from proxy.firewall.commands import Alive, InstallTable, Quarantine, Release, Uninstall
from proxy.firewall.nftables import (
    Applied,
    Counter,
    Firewall,
    FirewallError,
    FullSetError,
    LibraryMissingError,
    NotInstalledError,
    ProtectedAddressError,
)
from proxy.firewall.plan import AccessPoint, Entry, Plan
from proxy.firewall.structure import Structure
from tests.network.namespaces import Host

PLAN = Plan(
    access_points=(
        AccessPoint(name="agent1", ipv4="10.77.2.11", port=8443, listener_ipv4="10.77.1.1", listener_port=9001),
    ),
    service_interfaces=("iot",),
    access_interfaces=("access",),
)


def many(count: int, network: int = 20) -> tuple[Entry, ...]:
    return tuple(Entry(ip=f"10.{network + (n >> 16)}.{n >> 8 & 255}.{n & 255}", until=2e9) for n in range(count))


def test_installing_says_what_is_there(machine: Host) -> None:
    firewall = Firewall()
    assert not firewall.present()
    assert firewall.apply(InstallTable(PLAN, many(3))) == Applied(3)
    assert firewall.present()
    assert firewall.counters() == {name: Counter(0, 0) for name in ruleset.COUNTERS}


def test_times_come_from_the_clock_that_was_given(machine: Host) -> None:
    firewall = Firewall(now=lambda: 1000.0)
    firewall.apply(InstallTable(PLAN))
    assert firewall.apply(Quarantine((Entry(ip="10.77.1.10", until=1100.0),))) == Applied(1)
    (entry,) = firewall.entries()
    assert entry.until is not None
    assert 1098 <= entry.until <= 1101
    assert firewall.apply(Quarantine((Entry(ip="10.77.1.11", until=999.0),))) == Applied(0)


@pytest.mark.parametrize("days", [0.999999, 1, 49, 51, 400, 36_500, 10**9])
def test_long_quarantines_fit(machine: Host, days: float) -> None:
    firewall = Firewall(now=lambda: 0.0)
    firewall.apply(InstallTable(PLAN, (Entry(ip="10.77.1.10", until=days * 86_400),)))
    firewall.apply(Quarantine((Entry(ip="10.77.1.11", until=days * 86_400),)))
    expected = min(days, 36_500) * 86_400
    assert [entry.until for entry in firewall.entries()] == pytest.approx([expected, expected], abs=2)


def test_entries_come_back_as_they_were_given(machine: Host) -> None:
    firewall = Firewall()
    firewall.apply(InstallTable(PLAN))
    given = {
        Entry(ip="10.77.1.10"),
        Entry(ip="fd77:1::10"),
        Entry(ip="fd77:5::/64"),
        Entry(ip="10.77.1.10", mac="02:00:00:00:00:01"),
        Entry(ip="fd77:1::10", mac="02:00:00:00:00:01"),
    }
    firewall.apply(Quarantine(tuple(given)))
    assert {entry.key for entry in firewall.entries()} == {entry.key for entry in given}
    assert Entry(ip="fd77:5::/64") in firewall.entries()
    firewall.apply(Release(tuple(given)))
    assert firewall.entries() == ()


def test_a_command_is_done_whole_or_not_at_all(machine: Host) -> None:
    firewall = Firewall()
    firewall.apply(InstallTable(PLAN))
    with pytest.raises(ProtectedAddressError, match=r"10\.77\.2\.11: it is the access point agent1"):
        firewall.apply(Quarantine((Entry(ip="10.77.1.10"), Entry(ip="10.77.2.11"))))
    assert firewall.entries() == ()


SMALL = msgspec.structs.replace(PLAN, quarantine_size=100)


def test_a_full_set_is_told(machine: Host) -> None:
    firewall = Firewall()
    firewall.apply(InstallTable(SMALL))
    firewall.apply(Quarantine(many(90)))
    with pytest.raises(FullSetError, match="quarantine set is full"):
        firewall.apply(Quarantine(many(200, network=40)))
    assert len(firewall.entries()) == 90


def test_too_many_remembered_quarantines_do_not_keep_the_guards_away(machine: Host) -> None:
    assert Firewall().apply(InstallTable(SMALL, many(103))) == Applied(100, left_out=many(3))


def test_where_the_kernel_bounds_transactions_all_get_in_nevertheless(
    machine: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a user namespace, with its small send buffer; seen as root too, by a text that nft finds too long."""
    firewall = Firewall()
    run = firewall._run

    def bounded(text: str, *, needs_table: bool = True) -> str:
        if len(text) > 100_000:
            raise nftables._TooLongError
        return run(text, needs_table=needs_table)

    monkeypatch.setattr(firewall, "_run", bounded)
    assert firewall.apply(InstallTable(PLAN, many(5000))) == Applied(5000)
    assert len(firewall.entries()) == 5000


@pytest.mark.parametrize("command", [Quarantine((Entry(ip="10.77.1.10"),)), Release((Entry(ip="10.77.1.10"),))])
def test_without_a_table_nothing_can_be_changed(machine: Host, command: Quarantine | Release) -> None:
    with pytest.raises(NotInstalledError):
        Firewall().apply(command)
    for reading in (Firewall().entries, Firewall().counters):
        with pytest.raises(NotInstalledError, match="table inet alleyes is not there"):
            reading()


def test_a_table_of_an_earlier_process_takes_no_quarantine_before_its_plan_is_known(machine: Host) -> None:
    Firewall().apply(InstallTable(PLAN))
    with pytest.raises(NotInstalledError, match="which addresses are protected"):
        Firewall().apply(Quarantine((Entry(ip="10.77.1.10"),)))


def test_workers_are_armed_in_fail_mode_open_alone(machine: Host) -> None:
    firewall = Firewall()
    with pytest.raises(NotInstalledError, match="how many workers"):
        firewall.apply(Alive((0,)))
    firewall.apply(InstallTable(PLAN))
    assert firewall.apply(Alive((0,))) == Applied(0)
    firewall.apply(InstallTable(msgspec.structs.replace(PLAN, workers=2, fail_mode="open")))
    assert firewall.apply(Alive((0, 1, 2))) == Applied(2)
    assert firewall.apply(Alive(())) == Applied(0)
    listed = machine.run(["nft", "list", "set", "inet", "alleyes", "alive"]).stdout
    assert "0 timeout 3s" in listed
    assert "1 timeout 3s" in listed
    assert firewall.changes() == ()
    machine.run(["nft", "flush", "ruleset"])
    with pytest.raises(NotInstalledError):
        firewall.apply(Alive((0,)))


def test_an_installation_keeps_the_time_that_workers_have_left(machine: Host) -> None:
    monotonic = [100.0]
    plan = msgspec.structs.replace(PLAN, workers=3, fail_mode="open")
    firewall = Firewall(monotonic=lambda: monotonic[0])
    firewall.apply(InstallTable(plan))
    firewall.apply(Alive((0,)))
    monotonic[0] = 102.0
    firewall.apply(Alive((1,)))
    firewall.apply(InstallTable(plan))
    listed = machine.run(["nft", "list", "set", "inet", "alleyes", "alive"]).stdout
    assert "0 timeout 1s" in listed
    assert "1 timeout 3s" in listed
    monotonic[0] = 104.0
    firewall.apply(InstallTable(msgspec.structs.replace(plan, workers=1)))
    assert "timeout 1s" not in machine.run(["nft", "list", "set", "inet", "alleyes", "alive"]).stdout


def test_uninstalling_says_whether_there_was_something(machine: Host) -> None:
    firewall = Firewall()
    firewall.apply(InstallTable(PLAN))
    assert Firewall().apply(Uninstall()) == Applied(1)
    assert firewall.apply(Uninstall()) == Applied(0)
    assert not firewall.present()


def test_a_refused_ruleset_leaves_the_old_one(machine: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    firewall = Firewall()
    firewall.apply(InstallTable(PLAN, many(2)))
    monkeypatch.setattr(ruleset, "COUNTERS", {"two words": "no name for a counter"})
    with pytest.raises(FirewallError, match="syntax error"):
        firewall.apply(InstallTable(PLAN))
    monkeypatch.undo()
    assert len(firewall.entries()) == 2


def test_a_missing_library_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nftables, "LIBRARY", "libnftables.so.999")
    with pytest.raises(LibraryMissingError, match="apt-get install libnftables1"):
        Firewall()


def test_an_insert_is_quick_whatever_the_size(machine: Host) -> None:
    firewall = Firewall()

    def seconds(entries: tuple[Entry, ...]) -> float:
        times = []
        for entry in entries:
            begun = time.perf_counter()
            firewall.apply(Quarantine((entry,)))
            times.append(time.perf_counter() - begun)
        return statistics.median(times)

    firewall.apply(InstallTable(PLAN))
    among_few = seconds(many(100, network=61))
    firewall.apply(InstallTable(PLAN, many(10_000)))
    assert seconds(many(100, network=60)) < 10 * among_few


def test_a_quarantine_comes_before_connection_tracking_and_guards_before_other_tables(machine: Host) -> None:
    """Before conntrack (-200) a quarantine cuts connections that exist; the places are promised to operators."""
    Firewall().apply(InstallTable(PLAN))
    listed = json.loads(machine.run(["nft", "-j", "list", "table", "inet", "alleyes"]).stdout)["nftables"]
    chains = {item["chain"]["name"]: item["chain"] for item in listed if "chain" in item}
    hooked = {name: chain for name, chain in chains.items() if "hook" in chain}
    assert {name: (chain["type"], chain["hook"], chain["prio"]) for name, chain in hooked.items()} == {
        "quarantine": ("filter", "prerouting", -350),
        "limit_senders": ("filter", "prerouting", -340),
        "redirect_calls": ("nat", "prerouting", -110),
        "guard_listeners": ("filter", "input", -10),
        "guard_access_points": ("filter", "forward", -10),
    }


def test_changes_of_others_are_seen_until_the_table_is_installed_anew(machine: Host) -> None:
    firewall = Firewall()
    assert firewall.changes() == ("table",)
    firewall.apply(InstallTable(PLAN))
    assert firewall.changes() == ()
    machine.run(["nft", "flush", "chain", "inet", "alleyes", "guard_access_points"])
    assert "rules" in firewall.changes()
    firewall.apply(InstallTable(PLAN))
    assert firewall.changes() == ()


@pytest.mark.parametrize(
    "instead", ["", "add set inet alleyes quarantine4 { type ether_addr; elements = { 02:00:00:00:00:01 }; }"]
)
def test_a_set_that_somebody_removed_or_replaced_does_not_keep_the_guards_away(machine: Host, instead: str) -> None:
    firewall = Firewall()
    firewall.apply(InstallTable(PLAN, (Entry(ip="10.77.1.10"), Entry(ip="fd77:1::10"))))
    machine.run(["nft", f"flush table inet alleyes; delete set inet alleyes quarantine4; {instead}"])
    assert firewall.apply(InstallTable(PLAN, (Entry(ip="10.77.1.11"),))) == Applied(2)
    assert {entry.ip for entry in firewall.entries()} == {"fd77:1::10", "10.77.1.11"}


def test_own_addresses_that_cannot_be_read_are_a_refusal_of_the_kernel(
    machine: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy() -> frozenset[str]:
        raise OSError("no answer")

    monkeypatch.setattr(nftables, "own_addresses", busy)
    with pytest.raises(FirewallError, match="this machine's addresses can not be read: no answer"):
        Firewall().apply(InstallTable(PLAN, many(1)))


def test_a_structure_that_cannot_be_read_does_not_keep_the_guards_away(
    machine: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(_: object) -> Structure:
        raise OSError("no answer")

    firewall = Firewall()
    with monkeypatch.context() as patched:
        patched.setattr(nftables, "read_structure", busy)
        firewall.apply(InstallTable(PLAN))
    assert firewall.present()
    assert firewall.changes() == ("table",)
    firewall.apply(InstallTable(PLAN))
    with monkeypatch.context() as patched:
        patched.setattr(nftables, "read_structure", busy)
        with pytest.raises(FirewallError, match="the structure of the table can not be read"):
            firewall.changes()


@pytest.fixture
def filled(machine: Host) -> Firewall:
    """A firewall with somebody in each of its sets, until an hour from now or until released."""
    firewall = Firewall()
    until = time.time() + 3600
    firewall.apply(
        InstallTable(
            PLAN,
            (
                Entry(ip="10.77.1.10", until=until),
                Entry(ip="10.77.1.11"),
                Entry(ip="fd77:1::10", until=until),
                Entry(ip="10.77.1.10", mac="02:00:00:00:00:01", until=until),
                Entry(ip="fd77:1::10", mac="02:00:00:00:00:01", until=until),
            ),
        )
    )
    firewall.apply(Quarantine((Entry(ip="10.77.1.12", until=until),)))
    assert firewall.changes() == ()
    return firewall


REPLACED = """
delete element inet alleyes quarantine4 {{ {ip} }}
add element inet alleyes quarantine4 {{ {ip} timeout 60s }}
"""


@pytest.mark.parametrize(
    "tampering",
    [
        "flush set inet alleyes quarantine4",
        "flush set inet alleyes quarantine6",
        "delete element inet alleyes quarantine4 { 10.77.1.12 }",
        "delete element inet alleyes quarantine_link4 { 02:00:00:00:00:01 . 10.77.1.10 }",
        "delete element inet alleyes quarantine_link6 { 02:00:00:00:00:01 . fd77:1:: }",
        REPLACED.format(ip="10.77.1.10"),
        REPLACED.format(ip="10.77.1.11"),
    ],
)
def test_who_was_taken_out_of_a_set_or_is_to_leave_earlier_is_missed(
    machine: Host, filled: Firewall, tampering: str
) -> None:
    machine.run(["nft", tampering])
    assert filled.changes() == ("elements",)
    assert filled.changes() == ("elements",), "until it is put back"


@pytest.mark.parametrize(
    "harmless", ["add table inet foreign", "add element inet alleyes quarantine4 { 10.77.1.99 }", "list ruleset"]
)
def test_what_others_do_beside_the_quarantines_is_no_change(machine: Host, filled: Firewall, harmless: str) -> None:
    machine.run(["nft", harmless])
    assert filled.changes() == ()
    filled.apply(Quarantine((Entry(ip="10.77.1.13"),)))
    assert filled.changes() == ()


def test_own_commands_do_not_make_it_look_at_everything(machine: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """In fail mode open the workers that live are named several times a second."""

    def unwanted(*_: object) -> Structure:
        raise OSError("everything was looked at")

    firewall = Firewall()
    firewall.apply(InstallTable(msgspec.structs.replace(PLAN, fail_mode="open", workers=2), many(2)))
    firewall.apply(Alive((0, 1)))
    assert firewall.changes() == ()
    monkeypatch.setattr(nftables, "read_structure", unwanted)
    for command in (Alive((0, 1)), Quarantine(many(1, network=40)), Alive((0,)), Release(many(1)), Alive((1,))):
        firewall.apply(command)
        assert firewall.changes() == ()
    machine.run(["nft", "flush set inet alleyes alive"])
    with pytest.raises(FirewallError, match="everything was looked at"):
        firewall.changes()


def test_what_others_did_between_two_signs_of_life_is_noticed(machine: Host) -> None:
    firewall = Firewall()
    firewall.apply(InstallTable(msgspec.structs.replace(PLAN, fail_mode="open"), many(2)))
    firewall.apply(Alive((0,)))
    assert firewall.changes() == ()
    machine.run(["nft", "flush set inet alleyes alive"])
    firewall.apply(Alive((0,)))
    assert firewall.changes() == ()
    machine.run(["nft", "flush set inet alleyes quarantine4"])
    firewall.apply(Alive((0,)))
    assert firewall.changes() == ("elements",)


def test_what_others_did_shortly_before_or_after_a_command_is_not_taken_for_it(machine: Host, filled: Firewall) -> None:
    machine.run(["nft", "delete element inet alleyes quarantine4 { 10.77.1.10 }"])
    filled.apply(Quarantine((Entry(ip="10.77.1.13"),)))
    assert filled.changes() == ("elements",)


def test_who_was_released_or_whose_time_is_over_is_not_missed(machine: Host) -> None:
    now = time.time()
    firewall = Firewall(now=lambda: now)
    firewall.apply(InstallTable(PLAN, (Entry(ip="10.77.1.10", until=now + 60), Entry(ip="10.77.1.11"))))
    firewall.apply(Release((Entry(ip="10.77.1.11"),)))
    now += 61
    machine.run(["nft", "flush set inet alleyes quarantine4"])
    assert firewall.changes() == ()
