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
from tests.waiting import PATIENCE, eventually


class Bench:
    """A helper in a thread of the test, with the table installed."""

    def __init__(self, *, queue_size: int = 64) -> None:
        self.opening = Opening()
        self.helpers = InThread(self.opening)
        self.helper = FirewallHelper(self.helpers, queue_size=queue_size)
        self.helper.start()
        self.helper.submit(InstallTable(PLAN, (sender(9),))).result(PATIENCE)
        self.opening.firewall.started.clear()

    def hold(self) -> Future[Applied]:
        """Let the helper take up a quarantine and not finish it."""
        self.opening.gate.clear()
        held = self.helper.submit(Quarantine((sender(10),)))
        assert self.opening.firewall.started.wait(PATIENCE)
        return held

    def wait_for_restart(self, number: int = 1) -> None:
        eventually(lambda: self.helper.restarts >= number)


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
    assert [future.result(PATIENCE) for future in waiting] == [Applied(1), Applied(1)]
    assert bench.helper.submit(Quarantine((sender(13),))).result(PATIENCE) == Applied(1)


def test_a_quarantine_does_not_overtake_the_installation_before_it(start: Callable[..., Bench]) -> None:
    bench = start()
    guarding = msgspec.structs.replace(PLAN, protected=(sender(50).ip,))
    many = tuple(Entry(ip=f"10.8.{n >> 8}.{n & 255}", until=2e9) for n in range(3000))
    for _ in range(5):
        installed = [bench.helper.submit(InstallTable(guarding, many)), bench.helper.submit(InstallTable(guarding))]
        with pytest.raises(ProtectedAddressError):
            bench.helper.submit(Quarantine((sender(50),))).result(PATIENCE)
        assert all(future.done() for future in installed)
        bench.helper.submit(InstallTable(PLAN)).result(PATIENCE)
        assert bench.helper.submit(Quarantine((sender(50),))).result(PATIENCE) == Applied(1)
        bench.helper.submit(Release((sender(50),))).result(PATIENCE)


def test_handing_over_waits_for_nobody_however_much_it_is(start: Callable[..., Bench]) -> None:
    """More than the connection takes while the helper is busy."""
    bench = start()
    bench.hold()
    begun = time.monotonic()
    waiting = [
        bench.helper.submit(Quarantine(tuple(Entry(ip=f"10.9.{n}.{m}", until=2e9) for m in range(250))))
        for n in range(60)
    ]
    assert time.monotonic() - begun < PATIENCE
    assert not any(future.done() for future in waiting)
    bench.opening.gate.set()
    assert [future.result(PATIENCE) for future in waiting] == [Applied(250)] * 60


def test_several_threads_may_hand_over_at_once(start: Callable[..., Bench]) -> None:
    bench = start(queue_size=1024)

    def quarantined(thread: int) -> list[Applied]:
        submitted = [bench.helper.submit(Quarantine((Entry(ip=f"10.9.{thread}.{n}"),))) for n in range(100)]
        return [future.result(PATIENCE) for future in submitted]

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
    threading.Timer(3.0, bench.opening.gate.set).start()
    with pytest.raises(TimeoutError, match="the kernel does not answer"):
        bench.helper.close(timeout=0.1)


def test_the_counters_can_be_asked_for(start: Callable[..., Bench]) -> None:
    assert start().helper.counters().result(PATIENCE)["bypass"].packets == 0


def test_what_others_changed_can_be_asked_for(start: Callable[..., Bench]) -> None:
    helper = start().helper
    assert helper.changes().result(PATIENCE) == ()
    Firewall().apply(Uninstall())
    assert "chains" in helper.changes().result(PATIENCE)


def test_who_does_not_wait_any_more_takes_nothing_back(start: Callable[..., Bench]) -> None:
    helper = start().helper
    assert not helper.submit(Quarantine((sender(10),))).cancel()
    assert helper.submit(Quarantine((sender(11),))).result(PATIENCE) == Applied(1)


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
        lost.result(PATIENCE)
    bench.opening.gate.set()
    bench.wait_for_restart()
    with pytest.raises(ProtectedAddressError):
        bench.helper.submit(Quarantine((Entry(ip="10.77.2.11"),))).result(PATIENCE)
    assert bench.helper.submit(Quarantine((sender(12),))).result(PATIENCE) == Applied(1)
    assert bench.helper.changes().result(PATIENCE) == ()


def test_whoever_was_let_go_is_not_caught_again_by_a_restart(start: Callable[..., Bench]) -> None:
    bench = start()
    bench.helper.submit(Release((sender(9),))).result(PATIENCE)
    bench.helpers.die()
    bench.wait_for_restart()
    assert Firewall().entries() == ()


def test_after_an_uninstallation_a_restart_installs_nothing(start: Callable[..., Bench]) -> None:
    bench = start()
    bench.helper.submit(Uninstall()).result(PATIENCE)
    bench.helpers.die()
    bench.wait_for_restart()
    assert not Firewall().present()


def test_jobs_wait_while_there_is_no_helper(start: Callable[..., Bench]) -> None:
    bench = start()
    for number in range(1, 4):
        bench.helpers.die()
        job = Quarantine((sender(10 + number),))
        try:
            applied = bench.helper.submit(job).result(PATIENCE)
        except HelperLostError:  # It went to the one that died, whose end was not noticed yet.
            applied = bench.helper.submit(job).result(PATIENCE)
        assert applied == Applied(1)
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
            time.sleep(0.001 * number)
    with pytest.raises(HelperClosedError, match="no more helpers"):
        bench.helper.submit(Quarantine((sender(60),)))
    assert {type(future.exception(PATIENCE)) for future in waiting} <= {HelperLostError, HelperClosedError}
