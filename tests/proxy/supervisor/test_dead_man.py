"""In fail mode open the kernel hears who lives, and what it lets pass is on record."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future

import pytest

from proxy.audit.event import Detail, Kind
from proxy.audit.journal import JournalFull
from proxy.firewall.commands import Alive, Command
from proxy.firewall.helper import FirewallHelper, HelperBusyError
from proxy.firewall.nftables import Applied, Counter, FirewallError
from proxy.supervisor import dead_man as module
from proxy.supervisor.dead_man import DeadMan


class Kernel(FirewallHelper):
    """Takes commands, or refuses them."""

    def __init__(self) -> None:
        self.armed: list[tuple[int, ...]] = []
        self.problem: Exception | None = None
        self.passed = 0

    def submit(self, command: Command) -> Future[Applied]:
        assert isinstance(command, Alive)
        if isinstance(self.problem, HelperBusyError):
            raise self.problem
        answer: Future[Applied] = Future()
        if self.problem is not None:
            answer.set_exception(self.problem)
        else:
            self.armed.append(command.workers)
            answer.set_result(Applied(len(command.workers)))
        return answer

    def counters(self) -> Future[dict[str, Counter]]:
        answer: Future[dict[str, Counter]] = Future()
        answer.set_result({"unjudged": Counter(self.passed, 60 * self.passed)})
        return answer


class Bench:
    def __init__(self) -> None:
        self.kernel = Kernel()
        self.alive: tuple[int, ...] = (0, 1)
        self.notes: list[tuple[str, dict[str, Detail]]] = []
        self.full = False
        self.dead_man = DeadMan(firewall=self.kernel, workers=2, alive=lambda: self.alive, notes=self)

    def note(self, kind: Kind, sentence: str, **details: Detail) -> None:
        assert kind is Kind.UNJUDGED
        if self.full:
            raise JournalFull("full")
        self.notes.append((sentence, details))


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(module, "ALIVE_SECONDS", 1.0)
    return Bench()


async def test_those_that_serve_are_told_again_and_again(bench: Bench) -> None:
    for _ in range(2):
        await bench.dead_man.once()
    assert bench.kernel.armed == [(0, 1), (0, 1)]
    assert bench.notes == []


async def test_what_passes_is_on_record_from_beginning_to_end(bench: Bench) -> None:
    await bench.dead_man.once()
    bench.alive = (1,)
    await bench.dead_man.once()
    assert bench.notes == [], "the kernel still holds"
    await asyncio.sleep(1.05)
    bench.kernel.passed = 7
    await bench.dead_man.once()
    assert bench.kernel.armed[-1] == (1,)
    (sentence, details), *others = bench.notes
    assert sentence == "Calls of the senders of worker 0 pass unjudged: it does not serve, and fail_mode is open."
    assert details == {"worker": 0, "unjudged_packets": 7}
    assert others == []
    bench.alive = (0, 1)
    await bench.dead_man.once()
    assert bench.notes[-1][0] == "Calls of the senders of worker 0 are judged again."
    assert bench.dead_man.unjudged == 7


async def test_a_start_is_open_until_workers_serve(bench: Bench) -> None:
    bench.alive = ()
    await bench.dead_man.once()
    assert [details["worker"] for _, details in bench.notes] == [0, 1]
    assert bench.kernel.armed == []


async def test_a_kernel_that_cannot_be_told_lets_calls_pass_and_that_is_on_record(bench: Bench) -> None:
    await bench.dead_man.once()
    bench.kernel.problem = FirewallError("no memory")
    await asyncio.sleep(1.05)
    await bench.dead_man.once()
    assert [details["worker"] for _, details in bench.notes] == [0, 1]


async def test_a_busy_helper_is_told_the_next_time(bench: Bench) -> None:
    bench.kernel.problem = HelperBusyError("busy")
    await bench.dead_man.once()
    bench.kernel.problem = None
    await bench.dead_man.once()
    assert bench.kernel.armed == [(0, 1)]


async def test_a_log_that_takes_no_more_does_not_end_it(bench: Bench) -> None:
    bench.full = True
    bench.alive = ()
    await bench.dead_man.once()
    bench.alive = (0, 1)
    await bench.dead_man.once()
    assert bench.kernel.armed == [(0, 1)]
