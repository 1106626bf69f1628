"""A site's service between its nodes and the other sites."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.candidates import WINDOW
from models.exchange.pool import Pool
from models.exchange.shared import Others
from models.exchange.showings import Showings
from proxy.federation.client.enrolment import enrol
from proxy.federation.service.upstream import Ends
from proxy.federation.storage.base import LAST, Row
from proxy.federation.topics import model_topic
from tests.proxy.federation.service.learnt import LIGHT, learnt, showing
from tests.proxy.federation.service.running import HOST, Caller, Place
from tests.proxy.federation.service.stored import parts, row_of
from tests.waiting import eventually

SCALE = 60.0
"""A minute of event time is a second."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Place]:
    with Place(tmp_path / "world", scale=SCALE).serving() as place:
        yield place


@pytest.fixture
def site(tmp_path: Path, world: Place) -> Iterator[Place]:
    """Site A. Enrolled at the global level, as its operator does it."""
    service = f"https://{HOST}:{world.port}"
    place = Place(tmp_path / "site", {"role": "site", "upstream": {"service": service}}, scale=SCALE)
    asyncio.run(enrol(service, world.invite("site-a"), place.directory / "state/federation"))
    with place.serving():
        yield place


def pooled(**weights: int) -> Pool:
    pool = Pool(LIGHT)
    for name, weight in weights.items():
        pool.put(name, learnt(weight=weight))
    return pool


def elsewhere(caller: Caller) -> object:
    if caller.model(LIGHT).status != 200:
        return None
    shared = caller.others(LIGHT).elsewhere
    return None if shared is None else (shared.origins, shared.model)


def test_nodes_and_other_sites_are_told_of_each_other(site: Place, world: Place) -> None:
    nodes = {name: site.member(name) for name in ("node1", "node2")}
    other = world.member("site-b")
    assert other.contribute(learnt(weight=11)).status == 204
    for weight, node in enumerate(nodes.values(), start=3):
        assert node.contribute(learnt(weight=weight)).status == 204
    eventually(lambda: elsewhere(nodes["node1"]) == (1, pooled(b=11).total))
    eventually(lambda: elsewhere(other) == (1, pooled(node1=3, node2=4).total))
    told = nodes["node1"].others(LIGHT)
    assert told.site is not None
    assert (told.site.origins, told.site.model) == (1, pooled(node2=4).total)

    # A candidate that both sites show comes down to the nodes.
    shown = Showings(instances={LIGHT: 3}, open=[showing()])
    assert nodes["node1"].tell(shown).status == other.tell(shown).status == 204
    path = "/v1/acceptances?wait=10"
    eventually(lambda: [each["candidate"][0] for each in nodes["node2"].ask("GET", path).json["accepted"]] == [LIGHT])
    # And no longer, once one of them is taken out.
    world.revoke("site-b")
    eventually(lambda: [each[0] for each in nodes["node2"].ask("GET", path).json["withdrawn"]] == [LIGHT])
    assert nodes["node2"].ask("GET", "/v1/acceptances").json["accepted"] == []


def test_a_site_goes_on_without_the_others_and_catches_up(tmp_path: Path) -> None:
    world = Place(tmp_path / "world", scale=SCALE)
    service = f"https://{HOST}:{world.port}"
    place = Place(tmp_path / "site", {"role": "site", "upstream": {"service": service}}, scale=SCALE)
    with contextlib.ExitStack() as stack:
        with world.serving():
            asyncio.run(enrol(service, world.invite("site-a"), place.directory / "state/federation"))
            stack.enter_context(place.serving())
            nodes = [place.member(f"node{number}") for number in (1, 2)]
            other = world.member("site-b")
            other.contribute(learnt(weight=11))
            eventually(lambda: elsewhere(nodes[0]) == (1, pooled(b=11).total))
            other.close()
        # The global service is away.
        assert nodes[1].contribute(learnt(weight=4)).status == 204
        eventually(lambda: nodes[0].others(LIGHT).site is not None)
        assert elsewhere(nodes[0]) == (1, pooled(b=11).total)
        with world.serving():
            eventually(lambda: elsewhere(other) == (1, pooled(node2=4).total))


async def test_what_a_site_says_above_is_the_sum_of_its_nodes(tmp_path: Path) -> None:
    async with parts(tmp_path) as found:
        clock = _Clock()
        ends = Ends(found.pools, clock)
        for number in (1, 2, 3):
            found.pools.apply(row_of(f"node{number}", learnt(weight=number)))
        assert list(ends.contributions()) == [pooled(node1=1, node2=2, node3=3).total]
        # What is left of it where the nodes were taken out: the level above is told that it is nothing.
        for number in (1, 2, 3):
            found.pools.apply(Row(f"node{number}", model_topic(LIGHT), 1, LAST, None))
        assert [model.weight for model in ends.contributions()] == [0]
        assert Ends(found.pools, clock).showings() == Showings(instances={}, open=[])


def test_after_a_while_nobody_waits_for_who_is_silent(tmp_path: Path) -> None:
    clock = _Clock()

    async def ends() -> Ends:
        async with parts(tmp_path) as found:
            return Ends(found.pools, clock)

    made = asyncio.run(ends())
    silent = []
    for later in (0, WINDOW, 1):
        clock.time += later
        silent.append(made.silent)
    made.heard()
    assert [*silent, made.silent] == [False, False, True, False]


async def test_level_above_decides_about_what_others_have_while_it_is_heard(tmp_path: Path) -> None:
    clock = _Clock()
    async with parts(tmp_path) as found:
        ends = Ends(found.pools, clock)
        assert ends.decides(LIGHT), "until it is heard it may know of others"
        ends.heard()
        assert not ends.decides(LIGHT), "nobody else has it, and the global level accepts nothing for one site"
        ends.adopt(LIGHT, Others(elsewhere=pooled(b=3).without(None)))
        assert ends.decides(LIGHT)
        clock.time += WINDOW + 1
        assert not ends.decides(LIGHT)


class _Clock:
    time = 1_764_000_000_000

    def now(self) -> int:
        return self.time
