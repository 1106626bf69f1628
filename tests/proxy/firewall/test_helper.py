"""The gateway's side: bounded, ordered, and back again after the helper died."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import msgspec
import pytest

from proxy.firewall.commands import InstallTable, Quarantine, Release, Uninstall
from proxy.firewall.helper import FirewallHelper, HelperBusyError, HelperClosedError, HelperLostError
from proxy.firewall.nftables import Applied, Firewall, LibraryMissingError, ProtectedAddressError
from proxy.firewall.plan import Entry
from tests.network.namespaces import Host
from tests.proxy.firewall.served import InThread
from tests.proxy.firewall.watched import PLAN, Opening, sender


class Bench:
    """A helper in a thread of the test, with the table installed."""

    def __init__(self, *, queue_size: int = 64) -> None:
        self.opening = Opening()
        self.helpers = InThread(self.opening)
        self.helper = FirewallHelper(self.helpers, queue_size=queue_size)
        self.helper.start()
        self.helper.submit(InstallTable(PLAN, (sender(9),))).result(5)
        self.opening.firewall.started.clear()

    def hold(self) -> Future[Applied]:
        """Let the helper take up a quarantine and not finish it."""
        self.opening.gate.clear()
        held = self.helper.submit(Quarantine((sender(10),)))
        assert self.opening.firewall.started.wait(5)
        return held

    def wait_for_restart(self, number: int = 1) -> None:
        deadline = time.monotonic() + 5
        while self.helper.restarts < number:
            assert time.monotonic() < deadline
            time.sleep(0.01)


@pytest.fixture
def start(machine: Host, request: pytest.FixtureRequest) -> Callable[..., Bench]:
    def make(queue_size: int = 64) -> Bench:
        bench = Bench(queue_size=queue_size)
        request.addfinalizer(bench.helper.close)
        request.addfinalizer(bench.opening.gate.set)
        return bench

    return make


def test_a_full_queue_is_told_at_once(start: Callable[..., Bench]) -> None:
    bench = start(queue_size=3)
    bench.hold()
    waiting = [bench.helper.submit(Quarantine((sender(number),))) for number in (11, 12)]
    with pytest.raises(HelperBusyError, match="3 firewall jobs wait"):
        bench.helper.submit(Quarantine((sender(13),)))
    bench.opening.gate.set()
    assert [future.result(5) for future in waiting] == [Applied(1), Applied(1)]
    assert bench.helper.submit(Quarantine((sender(13),))).result(5) == Applied(1)


def test_a_quarantine_does_not_overtake_the_installation_before_it(start: Callable[..., Bench]) -> None:
    bench = start()
    guarding = msgspec.structs.replace(PLAN, protected=(sender(50).ip,))
    many = tuple(Entry(ip=f"10.8.{n >> 8}.{n & 255}", until=2e9) for n in range(3000))
    for _ in range(5):
        installed = [bench.helper.submit(InstallTable(guarding, many)), bench.helper.submit(InstallTable(guarding))]
        with pytest.raises(ProtectedAddressError):
            bench.helper.submit(Quarantine((sender(50),))).result(5)
        assert all(future.done() for future in installed)
        bench.helper.submit(InstallTable(PLAN)).result(5)
        assert bench.helper.submit(Quarantine((sender(50),))).result(5) == Applied(1)
        bench.helper.submit(Release((sender(50),))).result(5)


def test_handing_over_waits_for_nobody_however_much_it_is(start: Callable[..., Bench]) -> None:
    """More than the connection takes while the helper is busy."""
    bench = start()
    bench.hold()
    begun = time.monotonic()
    waiting = [
        bench.helper.submit(Quarantine(tuple(Entry(ip=f"10.9.{n}.{m}", until=2e9) for m in range(250))))
        for n in range(60)
    ]
    assert time.monotonic() - begun < 2
    assert not any(future.done() for future in waiting)
    bench.opening.gate.set()
    assert [future.result(20) for future in waiting] == [Applied(250)] * 60


def test_several_threads_may_hand_over_at_once(start: Callable[..., Bench]) -> None:
    bench = start(queue_size=1024)

    def quarantined(thread: int) -> list[Applied]:
        submitted = [bench.helper.submit(Quarantine((Entry(ip=f"10.9.{thread}.{n}"),))) for n in range(100)]
        return [future.result(20) for future in submitted]

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(quarantined, range(4))) == [[Applied(1)] * 100] * 4
    assert len(Firewall().entries()) == 401


def test_closing_finishes_what_waits_and_leaves_the_table(start: Callable[..., Bench]) -> None:
    helper = start().helper
    waiting = [helper.submit(Quarantine((sender(number),))) for number in range(10, 20)]
    helper.close()
    assert all(future.done() for future in waiting)
    with pytest.raises(HelperClosedError):
        helper.submit(Uninstall())
    assert len(Firewall().entries()) == 11


def test_a_kernel_that_does_not_answer_bounds_the_closing(start: Callable[..., Bench]) -> None:
    bench = start()
    bench.hold()
    threading.Timer(0.3, bench.opening.gate.set).start()
    with pytest.raises(TimeoutError, match="the kernel does not answer"):
        bench.helper.close(timeout=0.1)


def test_the_counters_can_be_asked_for(start: Callable[..., Bench]) -> None:
    assert start().helper.counters().result(5)["bypass"].packets == 0


def test_what_others_changed_can_be_asked_for(start: Callable[..., Bench]) -> None:
    helper = start().helper
    assert helper.changes().result(5) == ()
    Firewall().apply(Uninstall())
    assert "chains" in helper.changes().result(5)


def test_who_does_not_wait_any_more_takes_nothing_back(start: Callable[..., Bench]) -> None:
    helper = start().helper
    assert not helper.submit(Quarantine((sender(10),))).cancel()
    assert helper.submit(Quarantine((sender(11),))).result(5) == Applied(1)


def test_a_firewall_that_does_not_open_is_told_at_start() -> None:
    def missing() -> Firewall:
        raise LibraryMissingError("no library")

    helper = FirewallHelper(InThread(missing))
    with pytest.raises(LibraryMissingError, match="no library"):
        helper.start()
    helper.close()
    with pytest.raises(HelperClosedError):
        helper.submit(Uninstall())


def test_what_a_helper_died_over_is_told_and_another_one_knows_the_plan(start: Callable[..., Bench]) -> None:
    bench = start()
    lost = bench.hold()
    bench.helpers.die()
    with pytest.raises(HelperLostError, match="the firewall helper died"):
        lost.result(5)
    bench.opening.gate.set()
    bench.wait_for_restart()
    with pytest.raises(ProtectedAddressError):
        bench.helper.submit(Quarantine((Entry(ip="10.77.2.11"),))).result(5)
    assert bench.helper.submit(Quarantine((sender(12),))).result(5) == Applied(1)
    assert bench.helper.changes().result(5) == ()


def test_whoever_was_let_go_is_not_caught_again_by_a_restart(start: Callable[..., Bench]) -> None:
    bench = start()
    bench.helper.submit(Release((sender(9),))).result(5)
    bench.helpers.die()
    bench.wait_for_restart()
    assert Firewall().entries() == ()


def test_after_an_uninstallation_a_restart_installs_nothing(start: Callable[..., Bench]) -> None:
    bench = start()
    bench.helper.submit(Uninstall()).result(5)
    bench.helpers.die()
    bench.wait_for_restart()
    assert not Firewall().present()


def test_jobs_wait_while_there_is_no_helper(start: Callable[..., Bench]) -> None:
    bench = start()
    for number in range(1, 4):
        bench.helpers.die()
        time.sleep(0.02)
        assert bench.helper.submit(Quarantine((sender(10 + number),))).result(5) == Applied(1)
        assert bench.helper.restarts == number


def test_when_there_are_no_more_helpers_everybody_hears_it(start: Callable[..., Bench]) -> None:
    bench = start()
    bench.helpers.lost = True
    bench.helpers.die()
    # However far the loss has been noticed by now: told at once, or by the future.
    waiting = []
    with contextlib.suppress(HelperClosedError):
        for number in range(11, 60):
            waiting.append(bench.helper.submit(Quarantine((sender(number),))))
            time.sleep(0.005)
    with pytest.raises(HelperClosedError, match="no more helpers"):
        bench.helper.submit(Quarantine((sender(60),)))
    assert {type(future.exception(5)) for future in waiting} <= {HelperLostError, HelperClosedError}
