"""The table stands from the start on and comes back when somebody takes it away; without it there is no start."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from policy.quarantine import QuarantineRegister
from proxy.audit.journal import Journal
from proxy.audit.trail import AuditTrail
from proxy.carriers import Carriers
from proxy.clocks import real_now
from proxy.firewall.helper import FirewallHelper
from proxy.firewall.nftables import Firewall
from proxy.inputs import StartRefused
from proxy.kernel_quarantines import KernelQuarantines
from proxy.places import Places
from proxy.quarantine import QuarantineKeeper
from proxy.storage.plan_store import PlanStore
from proxy.storage.quarantine_store import QuarantineStore
from proxy.supervisor.kernel_table import KernelTable
from tests.network.namespaces import Host
from tests.proxy.audit.events import records
from tests.proxy.firewall.served import InThread
from tests.proxy.firewall.watched import PLAN
from tests.proxy.parts import quarantine_entry
from tests.waiting import PATIENCE


class Bench:
    def __init__(self, directory: Path, background: ThreadPoolExecutor) -> None:
        self.directory = directory
        self.helper = FirewallHelper(InThread(Firewall))
        self.store = QuarantineStore(directory)
        self.journal = Journal(directory / "audit")
        trail = AuditTrail(self.journal, real_now)
        keeper = QuarantineKeeper(
            register=QuarantineRegister(),
            store=self.store,
            kernel=KernelQuarantines(self.helper, lambda waiting: pytest.fail(f"{waiting} wait")),
            log=trail.quarantine,
            kernel_thread=background,
            background=background,
            on_broken=lambda place, error: pytest.fail(f"{place}: {error}"),
            carriers=Carriers({}),
            places=Places(),
        )
        self._parts = (PLAN, self.helper, keeper, trail, directory)

    def make(self) -> KernelTable:
        return KernelTable(*self._parts)

    def close(self) -> None:
        self.helper.close()
        self.store.close()
        self.journal.close()


@pytest.fixture
def bench(machine: Host, tmp_path: Path) -> Iterator[Bench]:
    with ThreadPoolExecutor(max_workers=1) as background:
        bench = Bench(tmp_path, background)
        yield bench
        bench.close()


def test_the_table_stands_with_the_quarantines_of_last_time_and_is_remembered(bench: Bench, machine: Host) -> None:
    entry = quarantine_entry(ip="10.77.1.9", until=real_now() + 600)
    bench.store.put(entry, None)
    table = bench.make()
    table.install()
    assert "10.77.2.11" in machine.run(["nft", "list", "table", "inet", "alleyes"]).stdout
    assert PlanStore(bench.directory).load() == PLAN
    assert table.keeper.register.holding(entry.identity, real_now()) == entry
    assert table.status().restorations == 0


async def test_what_somebody_flushes_is_put_back_and_on_record(bench: Bench, machine: Host) -> None:
    table = bench.make()
    table.install()
    watching = asyncio.create_task(table.watch.forever())
    machine.run(["nft", "flush", "ruleset"])
    async with asyncio.timeout(PATIENCE):
        while table.status().restorations == 0:  # noqa: ASYNC110 -- what an operator sees tells no event
            await asyncio.sleep(0.02)
    watching.cancel()
    assert "10.77.2.11" in machine.run(["nft", "list", "table", "inet", "alleyes"]).stdout
    assert table.status().latest_gap_seconds < PATIENCE
    bench.journal.close()
    (told,) = [record for record in records(bench.directory / "audit") if record["kind"] == "broken"]
    details = told["details"]
    assert isinstance(details, dict)
    assert details["place"] == "firewall"


def test_damaged_quarantines_are_no_start(bench: Bench) -> None:
    bench.store.put(quarantine_entry(until=float("inf")), None)
    with pytest.raises(StartRefused) as refused:
        bench.make().install()
    (problem,) = refused.value.problems
    assert "damaged" in problem
