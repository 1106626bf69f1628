"""Rules that somebody flushed come back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import pytest

from proxy import table_watch
from proxy.firewall.commands import Command, InstallTable
from proxy.firewall.helper import FirewallHelper
from proxy.firewall.nftables import Applied, Counter, Firewall, FirewallError, NotInstalledError
from proxy.firewall.plan import AccessPoint, Entry, Plan
from proxy.table_watch import TableWatch

INSTALLATION = InstallTable(
    plan=Plan(
        access_points=(
            AccessPoint(name="agent1", ipv4="10.77.2.11", port=8443, listener_ipv4="10.77.1.1", listener_port=9001),
        )
    ),
    entries=(Entry(ip="10.77.1.9"),),
)


class Kernel(Firewall):
    """A kernel whose table the test takes away."""

    def __init__(self) -> None:
        self.installed = True
        self.refuses = False
        self.commands: list[Command] = []

    def counters(self) -> dict[str, Counter]:
        if not self.installed:
            raise NotInstalledError("there is no table")
        return {}

    def apply(self, command: Command) -> Applied:
        if self.refuses:
            raise FirewallError("not permitted")
        self.commands.append(command)
        self.installed = True
        return Applied(0)


class Bench:
    def __init__(self) -> None:
        self.kernel = Kernel()
        self.helper = FirewallHelper(lambda: self.kernel)
        self.helper.start()
        self.restored = 0
        self.problems: list[str] = []
        self.refused_twice = asyncio.Event()
        self.put_back = asyncio.Event()
        self.watch = TableWatch(
            firewall=self.helper,
            installation=lambda: INSTALLATION,
            on_restored=self._restored,
            on_problem=self._refused,
        )

    def _restored(self) -> None:
        self.restored += 1
        self.put_back.set()

    def _refused(self, line: str) -> None:
        self.problems.append(line)
        if len(self.problems) > 1:
            self.refused_twice.set()


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.helper.close()


async def test_a_table_that_is_there_is_left_alone(bench: Bench) -> None:
    await bench.watch.once()
    assert (bench.kernel.commands, bench.restored, bench.problems) == ([], 0, [])


async def test_a_table_that_is_gone_is_put_back_with_the_quarantines(bench: Bench) -> None:
    bench.kernel.installed = False
    await bench.watch.once()
    await bench.watch.once()
    assert (bench.kernel.commands, bench.restored, bench.problems) == ([INSTALLATION], 1, [])


async def test_a_kernel_that_refuses_is_told_and_asked_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_watch, "_PERIOD_SECONDS", 0.005)
    bench.kernel.installed, bench.kernel.refuses = False, True
    watching = asyncio.create_task(bench.watch.forever())
    async with asyncio.timeout(5):
        await bench.refused_twice.wait()
        bench.kernel.refuses = False
        await bench.put_back.wait()
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching
    assert set(bench.problems) == {"not permitted"}
    assert bench.kernel.commands == [INSTALLATION]
