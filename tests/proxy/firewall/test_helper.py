from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from proxy.firewall.commands import Command, InstallTable, Quarantine, Release, Uninstall
from proxy.firewall.helper import FirewallHelper, HelperBusyError, HelperClosedError
from proxy.firewall.nftables import Applied, Firewall, FullSetError, LibraryMissingError, ProtectedAddressError
from proxy.firewall.plan import AccessPoint, Entry, Plan
from proxy.firewall.ruleset import SET_SIZE
from tests.network.namespaces import Host

PLAN = Plan(
    access_points=(
        AccessPoint(name="agent1", ipv4="10.77.2.11", port=8443, listener_ipv4="10.77.1.1", listener_port=9001),
    )
)


def sender(number: int) -> Entry:
    return Entry(ip=f"10.77.1.{number}")


class Watched(Firewall):
    """A firewall that waits for its gate before each command, and counts its transactions."""

    def __init__(self, *, gate: threading.Event) -> None:
        super().__init__()
        self.gate = gate
        self.started = threading.Event()
        self.commands: list[Command] = []

    def apply(self, command: Command) -> Applied:
        self.started.set()
        assert self.gate.wait(10)
        self.commands.append(command)
        return super().apply(command)


class Opening:
    """Opens a watched firewall and keeps hold of it."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.firewall: Watched

    def __call__(self) -> Firewall:
        self.firewall = Watched(gate=self.gate)
        return self.firewall


@pytest.fixture
def opening() -> Opening:
    return Opening()


@pytest.fixture
def start(machine: Host, opening: Opening, request: pytest.FixtureRequest) -> Callable[..., FirewallHelper]:
    def make(queue_size: int = 64) -> FirewallHelper:
        helper = FirewallHelper(opening, queue_size=queue_size)
        helper.start()
        request.addfinalizer(opening.gate.set)
        request.addfinalizer(helper.close)
        helper.submit(InstallTable(PLAN)).result(5)
        opening.firewall.started.clear()
        opening.firewall.commands.clear()
        return helper

    return make


def test_waiting_quarantines_share_a_transaction(start: Callable[..., FirewallHelper], opening: Opening) -> None:
    helper = start()
    opening.gate.clear()
    first = helper.submit(Quarantine((sender(10),)))
    assert opening.firewall.started.wait(5)
    waiting = [helper.submit(Quarantine((sender(number), sender(number + 50)))) for number in range(11, 31)]
    opening.gate.set()
    assert first.result(5) == Applied(1)
    assert [future.result(5) for future in waiting] == [Applied(2)] * 20
    assert len(opening.firewall.commands) == 2
    assert len(Firewall().entries()) == 41


def test_one_that_fails_does_not_take_its_neighbours_with_it(
    start: Callable[..., FirewallHelper], opening: Opening
) -> None:
    helper = start()
    opening.gate.clear()
    helper.submit(Quarantine((sender(10),)))
    assert opening.firewall.started.wait(5)
    before, wrong, after = (
        helper.submit(Quarantine((Entry(ip=ip),))) for ip in ("10.77.1.11", "10.77.2.11", "10.77.1.12")
    )
    opening.gate.set()
    assert before.result(5) == after.result(5) == Applied(1)
    with pytest.raises(ProtectedAddressError):
        wrong.result(5)


def test_order_is_kept_around_a_release(start: Callable[..., FirewallHelper], opening: Opening) -> None:
    helper = start()
    opening.gate.clear()
    for command in (
        Quarantine((sender(10),)),
        Quarantine((sender(11),)),
        Release((sender(11), sender(10))),
        Quarantine((sender(10),)),
    ):
        last = helper.submit(command)
    opening.gate.set()
    last.result(5)
    assert Firewall().entries() == (sender(10),)


def test_a_full_queue_is_told_at_once(start: Callable[..., FirewallHelper], opening: Opening) -> None:
    helper = start(queue_size=2)
    opening.gate.clear()
    helper.submit(Quarantine((sender(10),)))
    assert opening.firewall.started.wait(5)
    waiting = [helper.submit(Quarantine((sender(number),))) for number in (11, 12)]
    with pytest.raises(HelperBusyError, match="2 firewall jobs wait"):
        helper.submit(Quarantine((sender(13),)))
    opening.gate.set()
    assert [future.result(5) for future in waiting] == [Applied(1), Applied(1)]


def test_closing_finishes_what_waits_and_leaves_the_table(
    start: Callable[..., FirewallHelper], opening: Opening
) -> None:
    helper = start()
    waiting = [helper.submit(Quarantine((sender(number),))) for number in range(10, 20)]
    helper.close()
    assert all(future.done() for future in waiting)
    with pytest.raises(HelperClosedError):
        helper.submit(Uninstall())
    assert len(Firewall().entries()) == 10


def test_the_counters_can_be_asked_for(start: Callable[..., FirewallHelper]) -> None:
    assert start().counters().result(5)["bypass"].packets == 0


def test_what_others_changed_can_be_asked_for(start: Callable[..., FirewallHelper]) -> None:
    helper = start()
    assert helper.changes().result(5) == ()
    Firewall().apply(Uninstall())
    assert "chains" in helper.changes().result(5)


def test_an_error_is_the_callers_and_the_helper_lives_on(start: Callable[..., FirewallHelper]) -> None:
    helper = start()
    remembered = tuple(Entry(ip=f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}") for n in range(SET_SIZE))
    assert helper.submit(InstallTable(PLAN, remembered)).result(20) == Applied(SET_SIZE)
    more = [helper.submit(Quarantine(tuple(Entry(ip=f"10.9.{b}.{c}") for c in range(250)))) for b in range(8)]
    for future in more:
        with pytest.raises(FullSetError):
            future.result(20)
    helper.submit(Release(remembered[:1])).result(5)
    assert helper.submit(Quarantine((sender(10),))).result(5) == Applied(1)


def test_a_firewall_that_does_not_open_is_told_at_start() -> None:
    def missing() -> Firewall:
        message = "no library"
        raise LibraryMissingError(message)

    helper = FirewallHelper(missing)
    with pytest.raises(LibraryMissingError, match="no library"):
        helper.start()
    helper.close()
    with pytest.raises(HelperClosedError):
        helper.submit(Uninstall())
