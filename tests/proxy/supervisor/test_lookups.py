"""A miss makes the supervisor read, with growing pauses while that brings nothing new."""

from __future__ import annotations

import asyncio

import pytest

from proxy import registry_refresh
from proxy.supervisor.lookups import FIRST_PAUSE, LONGEST_PAUSE, Lookups
from tests.proxy.test_registry_refresh import Bench, Site


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    site = Site()
    monkeypatch.setattr(registry_refresh, "read_structure", site.read)
    return site


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


async def test_what_was_missed_is_known_afterwards(site: Site) -> None:
    bench, clock = Bench(), Clock()
    lookups = Lookups(bench.refresh, clock)
    await bench.refresh.once("agent1")
    site.types["/agent1/lock1"] = "/doorLock"
    await lookups.missed("agent1")
    assert bench.registry.service_type("/agent1/lock1") == "/doorLock"
    assert bench.told[-1] == ("agent1", "/doorLock")


async def test_whoever_invents_addresses_gets_few_reads_and_nobody_is_told(site: Site) -> None:
    bench, clock = Bench(), Clock()
    lookups = Lookups(bench.refresh, clock)
    await bench.refresh.once("agent1")
    begun, reads, told = clock.now, len(site.reads), len(bench.told)
    while clock.now < begun + 600:
        await lookups.missed("agent1")
        clock.now += 0.5
    # 2 + 4 + 8 + 16 + 32 s, then once a minute.
    assert 10 <= len(site.reads) - reads <= 16
    assert len(bench.told) == told


async def test_something_new_ends_the_long_pauses(site: Site) -> None:
    bench, clock = Bench(), Clock()
    lookups = Lookups(bench.refresh, clock)
    await bench.refresh.once("agent1")
    for _ in range(8):
        await lookups.missed("agent1")
        clock.now += LONGEST_PAUSE
    site.types["/agent1/lock1"] = "/doorLock"
    await lookups.missed("agent1")
    clock.now += FIRST_PAUSE
    site.types["/agent1/lock2"] = "/doorLock"
    await lookups.missed("agent1")
    assert bench.registry.service_type("/agent1/lock2") == "/doorLock"


async def test_reads_do_not_pile_up_at_an_access_point_that_is_slow(site: Site) -> None:
    bench, clock = Bench(), Clock()
    lookups = Lookups(bench.refresh, clock)
    site.gate.clear()
    first = asyncio.create_task(lookups.missed("agent1"))
    await asyncio.sleep(0.01)
    clock.now += 1000
    await lookups.missed("agent1")
    site.gate.set()
    await first
    assert site.reads == ["agent1"]


async def test_an_agent_that_is_down_and_one_that_is_not_configured_do_no_harm(site: Site) -> None:
    bench, clock = Bench(), Clock()
    lookups = Lookups(bench.refresh, clock)
    site.down.add("agent1")
    for agent in ("agent1", "agent9"):
        await lookups.missed(agent)
    clock.now += FIRST_PAUSE
    await lookups.missed("agent1")
    assert site.reads == ["agent1"], "twice the first pause after a failure"
    assert bench.problems == ["agent1 does not answer"]
