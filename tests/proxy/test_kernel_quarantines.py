"""What the kernel is told of quarantines, one place for each identity, and what becomes of those it has no room for."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from proxy import kernel_quarantines as module
from proxy.firewall.commands import Command
from proxy.firewall.helper import FirewallHelper
from proxy.firewall.nftables import Applied, FirewallError
from proxy.firewall.plan import Entry
from proxy.kernel_quarantines import KernelQuarantines
from tests.proxy.firewall.kernel import Kernel
from tests.proxy.firewall.served import InThread

MAC = "02:00:5e:00:53:01"
HERE, THERE = Entry(ip="192.0.2.17", mac=MAC), Entry(ip="192.0.2.18")


class Bench:
    def __init__(self) -> None:
        self.kernel = Kernel()
        self.helpers = InThread(lambda: self.kernel)
        self.firewall = FirewallHelper(self.helpers)
        self.firewall.start()
        self.alarms: list[int] = []
        self.quarantines = KernelQuarantines(self.firewall, self.alarms.append)


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.firewall.close()


def test_an_identity_is_dropped_at_one_place_at_a_time(bench: Bench) -> None:
    assert bench.quarantines.put("a", HERE) == f"{MAC} . 192.0.2.17"
    assert bench.quarantines.put("a", THERE) == "192.0.2.18"
    assert bench.kernel.held == {THERE.key}
    assert bench.quarantines.entries == (THERE,)
    bench.quarantines.take_out("a")
    assert bench.kernel.held == set()
    assert not bench.quarantines.entries


def test_who_moves_leaves_the_place_to_those_who_are_dropped_there_too(bench: Bench) -> None:
    bench.quarantines.put("a", HERE)
    bench.quarantines.put("b", HERE)
    bench.quarantines.put("a", THERE)
    assert bench.kernel.held == {HERE.key, THERE.key}


def test_who_moves_makes_room_in_a_full_set_for_itself(bench: Bench) -> None:
    bench.kernel.size = 1
    bench.quarantines.put("a", HERE)
    bench.quarantines.put("a", THERE)
    assert bench.kernel.held == {THERE.key}
    assert bench.alarms == []


def test_whom_an_installation_left_out_waits_for_room_and_gets_it(bench: Bench) -> None:
    bench.quarantines.restore({"a": HERE, "b": THERE})
    bench.quarantines.left_out({HERE.key})
    assert (bench.quarantines.waiting, bench.alarms, bench.quarantines.figures.full) == (1, [1], 1)
    assert set(bench.quarantines.entries) == {HERE, THERE}
    bench.kernel.size = 0
    bench.quarantines.try_again()
    assert bench.quarantines.waiting == 1
    bench.kernel.size = 1
    bench.quarantines.try_again()
    assert (bench.quarantines.waiting, bench.kernel.held) == (0, {HERE.key})


def test_a_kernel_that_does_not_answer_is_asked_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SECONDS", 0.001)
    slow = Slow(bench.kernel)
    monkeypatch.setattr(bench.kernel, "apply", slow.apply)
    assert bench.quarantines.put("a", HERE) == (
        "none yet, it will be tried again: the kernel did not answer within 0.001 s"
    )
    assert bench.quarantines.waiting == 1
    slow.gate.set()
    monkeypatch.setattr(module, "_SECONDS", 5.0)
    bench.quarantines.try_again()
    assert (bench.quarantines.waiting, bench.kernel.held) == (0, {HERE.key})


def test_a_release_that_fails_says_why(bench: Bench) -> None:
    bench.quarantines.put("a", HERE)
    bench.kernel.problem = FirewallError("no permission")
    with pytest.raises(FirewallError, match="no permission"):
        bench.quarantines.take_out("a")


class Slow:
    """Answers nothing until the gate is open."""

    def __init__(self, kernel: Kernel) -> None:
        self.gate = threading.Event()
        self._apply = kernel.apply

    def apply(self, command: Command) -> Applied:
        assert self.gate.wait(10)
        return self._apply(command)
