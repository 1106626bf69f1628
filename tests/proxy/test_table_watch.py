"""Rules that somebody removed or changed come back, whatever goes wrong on the way."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import pytest

from proxy import table_watch
from proxy.firewall.commands import Command, InstallTable
from proxy.firewall.helper import FirewallHelper, HelperClosedError
from proxy.firewall.netlink import NetlinkError
from proxy.firewall.nftables import Applied, Firewall, FirewallError
from proxy.firewall.plan import AccessPoint, Entry, Plan
from proxy.table_watch import TableWatch
from tests.proxy.firewall.served import InThread
from tests.waiting import PATIENCE, until

INSTALLATION = InstallTable(
    plan=Plan(
        access_points=(
            AccessPoint(name="agent1", ipv4="10.77.2.11", port=8443, listener_ipv4="10.77.1.1", listener_port=9001),
        )
    ),
    entries=(Entry(ip="10.77.1.9"),),
)


class Kernel(Firewall):
    """A kernel whose table the test takes away or changes."""

    def __init__(self) -> None:
        self.changed: tuple[str, ...] = ()
        self.refuses: Exception | None = None
        self.commands: list[Command] = []

    def changes(self) -> tuple[str, ...]:
        return self.changed

    def apply(self, command: Command) -> Applied:
        if self.refuses is not None:
            raise self.refuses
        self.commands.append(command)
        self.changed = ()
        return Applied(0)


class Bench:
    def __init__(self) -> None:
        self.kernel = Kernel()
        self.helpers = InThread(lambda: self.kernel)
        self.helper = FirewallHelper(self.helpers)
        self.helper.start()
        self.restored: list[tuple[str, ...]] = []
        self.problems: list[str] = []
        self.refused_twice = asyncio.Event()
        self.put_back = asyncio.Event()
        self.journal_full = False
        self.now = 100.0
        self.watch = TableWatch(
            firewall=self.helper,
            installation=lambda: INSTALLATION,
            on_restored=self._restored,
            on_problem=self._refused,
            monotonic=lambda: self.now,
        )

    def _restored(self, changed: tuple[str, ...], _applied: Applied) -> None:
        if self.journal_full:
            raise RuntimeError("no room")
        self.restored.append(changed)
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


async def test_a_table_that_is_whole_is_left_alone(bench: Bench) -> None:
    await bench.watch.once()
    assert (bench.kernel.commands, bench.restored, bench.problems) == ([], [], [])


async def test_what_was_changed_is_put_back_with_the_quarantines(bench: Bench) -> None:
    bench.kernel.changed = ("chains", "rules")
    await bench.watch.once()
    await bench.watch.once()
    assert (bench.kernel.commands, bench.restored, bench.problems) == ([INSTALLATION], [("chains", "rules")], [])


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        (FirewallError("not permitted"), "FirewallError: not permitted"),
        (NetlinkError("too busy"), "FirewallError: NetlinkError: too busy"),
        (RuntimeError("oh"), "FirewallError: RuntimeError: oh"),
    ],
    ids=repr,
)
async def test_whatever_goes_wrong_is_told_and_tried_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, refusal: Exception, told: str
) -> None:
    monkeypatch.setattr(table_watch, "_PERIOD_SECONDS", 0.005)
    bench.kernel.changed, bench.kernel.refuses = ("table",), refusal
    watching = asyncio.create_task(bench.watch.forever())
    async with asyncio.timeout(PATIENCE):
        await bench.refused_twice.wait()
        bench.kernel.refuses = None
        await bench.put_back.wait()
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching
    assert set(bench.problems) == {told}
    assert bench.kernel.commands == [INSTALLATION]


async def test_a_restoration_that_cannot_be_recorded_is_told_and_holds(bench: Bench) -> None:
    bench.kernel.changed, bench.journal_full = ("table",), True
    await bench.watch.once()
    assert (bench.kernel.commands, bench.problems) == ([INSTALLATION], ["RuntimeError: no room"])


async def test_without_a_helper_the_watch_ends(bench: Bench) -> None:
    bench.helper.close()
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(HelperClosedError):
            await bench.watch.forever()


async def test_a_gap_is_counted_from_when_the_table_was_last_known_to_be_whole(bench: Bench) -> None:
    bench.now += 0.25
    await bench.watch.once()
    bench.now += 0.25
    bench.kernel.changed, bench.kernel.refuses = ("rules",), FirewallError("not permitted")
    await bench.watch.once()
    assert bench.watch.gaps.restorations == 0
    bench.now += 3.0
    bench.kernel.refuses = None
    await bench.watch.once()
    gaps = bench.watch.gaps
    assert (gaps.restorations, gaps.latest, gaps.longest) == (1, 3.25, 3.25)
    bench.now += 0.5
    bench.kernel.changed = ("elements",)
    await bench.watch.once()
    assert (gaps.restorations, gaps.latest, gaps.longest) == (2, 0.5, 3.25)
    assert gaps.whole_at == bench.now


async def test_the_next_helper_is_told_who_is_in_quarantine(bench: Bench) -> None:
    bench.helpers.die()
    await until(lambda: bench.helper.restarts == 1)
    await asyncio.wrap_future(bench.helper.submit(INSTALLATION))
    assert bench.helper.restarts == 1
    bench.kernel.commands.clear()
    await bench.watch.once()
    await bench.watch.once()
    assert bench.kernel.commands == [INSTALLATION]
    assert bench.problems == ["the firewall helper died; another one took its place"]
    assert bench.watch.gaps.restorations == 0
