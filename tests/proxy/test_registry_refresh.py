"""Types follow the access points, whatever becomes of one of them."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import threading
import time
from collections.abc import Callable

import pytest

from proxy import registry_refresh
from proxy.configuration import AccessPoint, InventoryDocument, Tls
from proxy.knowledge_agent import StructureUnavailable
from proxy.registry import AgentStructure, SiteRegistry
from proxy.registry_refresh import RegistryRefresh
from proxy.revocation import RevocationsInForce
from tests.proxy.parts import plain_point


class Site:
    """Access points whose answers the test prescribes; `gate` holds an answer back."""

    def __init__(self) -> None:
        self.types: dict[str, str] = {"/agent1/light1": "/lightControler"}
        self.down: set[str] = set()
        self.reads: list[str] = []
        self.gate = threading.Event()
        self.gate.set()

    def read(self, point: AccessPoint, tls: Tls | None, revocations: RevocationsInForce) -> AgentStructure:
        self.reads.append(point.agent)
        types = dict(self.types)
        assert self.gate.wait(10)
        if point.agent in self.down:
            raise StructureUnavailable(f"{point.agent} does not answer")
        return AgentStructure(types=types, children={})


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    site = Site()
    monkeypatch.setattr(registry_refresh, "read_structure", site.read)
    return site


class Bench:
    def __init__(self) -> None:
        self.registry = SiteRegistry(InventoryDocument(), frozenset({"agent1", "agent2"}))
        self.problems: list[str] = []
        self.told: list[tuple[str, str | None]] = []
        points = [plain_point(), plain_point(agent="agent2", ipv4="10.77.2.12", listen_port=9102)]
        self.refresh = RegistryRefresh(
            points={each["agent"]: AccessPoint.model_validate(each) for each in points},
            tls=None,
            revocations=RevocationsInForce(),
            registry=self.registry,
            on_structure=self._told,
            on_problem=self.problems.append,
        )

    def _told(self, agent: str, structure: AgentStructure) -> None:
        assert threading.current_thread() is threading.main_thread()
        assert self.registry.knows_agent(agent)
        self.told.append((agent, structure.types.get("/agent1/lock1")))


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


async def test_a_structure_is_taken_over(site: Site) -> None:
    bench = Bench()
    assert await bench.refresh.once("agent1")
    assert bench.registry.service_type("/agent1/light1") == "/lightControler"
    assert not bench.registry.knows_agent("agent2")
    assert bench.told == [("agent1", None)]


async def test_an_access_point_that_is_down_keeps_its_types_and_is_told(site: Site) -> None:
    bench = Bench()
    await bench.refresh.once("agent1")
    site.down.add("agent1")
    assert not await bench.refresh.once("agent1")
    assert bench.problems == ["agent1 does not answer"]
    assert len(bench.told) == 1
    assert bench.registry.service_type("/agent1/light1") == "/lightControler"


async def test_a_structure_that_is_as_before_is_told_to_nobody(site: Site) -> None:
    bench = Bench()
    for _ in range(2):
        assert await bench.refresh.once("agent1")
        await bench.refresh.after_registration("agent1")
    assert bench.told == [("agent1", None)]
    assert bench.registry.revision == 1


async def test_whoever_writes_in_a_loop_waits_for_the_rest_after_each_read_and_shares_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry_refresh, "_REST", 1e9)
    monkeypatch.setattr(registry_refresh, "_LONGEST_REST_SECONDS", 0.1)
    bench = Bench()
    began = time.monotonic()
    await bench.refresh.after_registration("agent1")
    assert time.monotonic() - began < 0.1, "the first one is served at once"
    until_then = time.monotonic() + 0.35
    while time.monotonic() < until_then:
        site.types["/agent1/lock1"] = f"/doorLock{len(site.reads)}"
        await asyncio.gather(*(bench.refresh.after_registration("agent1") for _ in range(20)))
        assert bench.told[-1] == ("agent1", f"/doorLock{len(site.reads) - 1}")
    assert 3 <= len(site.reads) <= 5
    await bench.refresh.after_registration("agent2")
    assert site.reads[-1] == "agent2"


async def test_an_agent_that_is_not_configured_is_not_asked(site: Site) -> None:
    assert not await Bench().refresh.once("agent9")
    assert site.reads == []


async def test_after_a_registration_the_new_types_are_known(site: Site) -> None:
    bench = Bench()
    await bench.refresh.once("agent1")
    site.types["/agent1/lock1"] = "/doorLock"
    await bench.refresh.after_registration("agent1")
    assert bench.registry.service_type("/agent1/lock1") == "/doorLock"
    assert bench.told[-1] == ("agent1", "/doorLock")


async def test_a_registration_during_a_read_waits_for_the_next_one_and_a_flood_shares_it(site: Site) -> None:
    bench = Bench()
    site.gate.clear()
    first = asyncio.create_task(bench.refresh.after_registration("agent1"))
    await until(lambda: len(site.reads) == 1)
    site.types["/agent1/lock1"] = "/doorLock"
    others = [asyncio.create_task(bench.refresh.after_registration("agent1")) for _ in range(50)]
    await asyncio.sleep(0.01)
    site.gate.set()
    await asyncio.gather(first, *others)
    assert bench.registry.service_type("/agent1/lock1") == "/doorLock"
    assert len(site.reads) == 2


async def test_a_registration_is_answered_even_if_the_access_point_is_not(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry_refresh, "_REGISTRATION_SECONDS", 0.05)
    bench = Bench()
    site.gate.clear()
    began = time.monotonic()
    await bench.refresh.after_registration("agent1")
    assert time.monotonic() - began < 2
    site.gate.set()
    await until(lambda: bench.registry.knows_agent("agent1"))


async def test_where_nobody_has_a_structure_there_is_nothing_to_wait_for_and_no_end() -> None:
    refresh = dataclasses.replace(Bench().refresh, points={})
    await refresh.before_serving()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(refresh.forever(), 0.05)


async def test_before_serving_every_structure_is_read_and_one_that_fails_holds_up_nobody(site: Site) -> None:
    bench = Bench()
    site.down.add("agent1")
    await bench.refresh.before_serving()
    assert bench.registry.knows_agent("agent2")
    assert not bench.registry.knows_agent("agent1")


async def test_reading_goes_on_and_what_failed_is_tried_again_sooner(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry_refresh, "_RETRY_SECONDS", 0.01)
    bench = Bench()
    site.down.add("agent1")
    forever = asyncio.create_task(bench.refresh.forever())
    await until(lambda: bench.registry.knows_agent("agent2") and len(site.reads) >= 6)
    assert site.reads.count("agent2") == 1, "what works is not asked more often because something else does not"
    assert len(bench.problems) == 1, "told once, not with every try"
    site.down.clear()
    await until(lambda: bench.registry.knows_agent("agent1"))
    count = len(site.reads)
    await asyncio.sleep(0.1)
    # The round that worked may have had its second half before it.
    assert len(site.reads) - count <= 2
    forever.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await forever


async def test_a_look_up_tells_only_what_is_new(site: Site) -> None:
    bench = Bench()
    assert await bench.refresh.look_up("agent1")
    assert not await bench.refresh.look_up("agent1")
    site.types["/agent1/lock1"] = "/doorLock"
    assert await bench.refresh.look_up("agent1")
    assert bench.told == [("agent1", None), ("agent1", "/doorLock")]
    site.down.add("agent1")
    assert not await bench.refresh.look_up("agent1")
    assert bench.problems == ["agent1 does not answer"]
