"""What is missed is looked for, and no number of invented addresses makes that often."""

from __future__ import annotations

from proxy.processes.messages import Missed
from proxy.worker import misses as module
from proxy.worker.misses import Misses


class Bench:
    def __init__(self) -> None:
        self.now = 1000.0
        self.sent: list[Missed] = []
        self.misses = Misses(frozenset({"agent1", "agent2"}), self.sent.append, lambda: self.now)

    def miss(self, address: str, after: float = 0.0) -> int:
        """Miss an address `after` seconds; return how many messages that makes."""
        self.now += after
        before = len(self.sent)
        self.misses.missed(address)
        return len(self.sent) - before


def test_an_address_is_looked_for_once_a_minute() -> None:
    bench = Bench()
    told = [bench.miss("/agent1/lock1/locked", after) for after in (0, 2, 57, 2)]
    assert told == [1, 0, 0, 1]
    assert bench.sent == [Missed("agent1")] * 2


def test_invented_addresses_make_one_message_a_second_for_each_agent() -> None:
    bench = Bench()
    for number in range(2000):
        bench.miss(f"/agent{1 + number % 2}/x{number}", 0.005)
    assert len(bench.sent) <= 2 * 10


def test_one_that_came_too_soon_is_looked_for_the_next_time() -> None:
    bench = Bench()
    assert bench.miss("/agent1/x1") == 1
    assert bench.miss("/agent1/lock1", 0.5) == 0
    assert bench.miss("/agent1/lock1", 0.6) == 1


def test_agents_that_cannot_be_read_are_not_asked_for() -> None:
    bench = Bench()
    assert [bench.miss(each, 2) for each in ("/agent9/x", "ip:192.0.2.9", "", "/", "agent1/x", "/agent1")] == [
        0
    ] * 5 + [1]


def test_memory_is_bounded() -> None:
    bench = Bench()
    for number in range(3 * module.MOST_REMEMBERED):
        bench.miss(f"/agent1/x{number}", 1.0)
    assert len(bench.misses._looked_for) == module.MOST_REMEMBERED
