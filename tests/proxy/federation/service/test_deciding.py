"""Candidates are accepted once, also by several processes, and over again while the store is away."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from models.exchange.showings import Showings
from proxy.clocks import MonotonicEventClock
from proxy.federation.service.deciding import ACCEPTANCES, Decisions
from proxy.federation.storage.base import Cursor, Row, StoreError
from proxy.federation.topics import SHOWINGS
from tests.proxy.federation.service.learnt import LIGHT, showing
from tests.proxy.federation.service.running import now_ms
from tests.proxy.federation.service.stored import Parts, parts
from tests.waiting import PATIENCE

SHOWN = msgspec.msgpack.encode(Showings(instances={LIGHT: 3}, open=[showing(persistent=2)]))


def decisions(found: Parts) -> Decisions:
    clock = MonotonicEventClock(now_ms())
    return Decisions(found.store, found.feed, found.pools, found.changes, clock)


async def test_two_that_decide_the_same_tell_it_once(tmp_path: Path) -> None:
    async with parts(tmp_path) as found:
        both = decisions(found), decisions(found)
        tasks = [asyncio.create_task(found.feed.follow()), asyncio.create_task(both[0].follow())]
        tasks.append(asyncio.create_task(both[0].decide(lambda _: False, alone=False)))
        waiting = asyncio.create_task(found.changes.wait(ACCEPTANCES, PATIENCE))
        await found.store.put([Row(origin, SHOWINGS, 1, 1, SHOWN) for origin in ("a", "b")])
        assert await waiting
        accepted, cursor = await found.store.acceptances(Cursor(), 10)
        assert [each.candidate for each in accepted] == [showing().candidate]
        await both[1].accept(accepted)
        assert await found.store.acceptances(cursor, 10) == ([], cursor)
        assert both[0].newest == cursor
        for task in tasks:
            task.cancel()


async def test_nodes_of_a_site_that_is_alone_decide_as_one(tmp_path: Path) -> None:
    async with parts(tmp_path) as found:
        tasks = [asyncio.create_task(found.feed.follow())]
        tasks.append(asyncio.create_task(decisions(found).decide(lambda _: False, alone=True)))
        await found.store.put([Row("node-1", SHOWINGS, 1, 1, SHOWN)])
        async with asyncio.timeout(PATIENCE):
            while not (await found.store.acceptances(Cursor(), 10))[0]:  # noqa: ASYNC110 -- a store has no event
                await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()


async def test_what_cannot_be_stored_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with parts(tmp_path) as found:
        good, failures = found.store.accept, iter(range(1))

        async def accept(acceptances: object) -> None:
            if next(failures, None) is not None:
                raise StoreError("away")
            await good(acceptances)  # type: ignore[arg-type]

        monkeypatch.setattr(found.store, "accept", accept)
        found.pools.apply(Row("a", SHOWINGS, 1, 1, SHOWN))
        found.pools.apply(Row("b", SHOWINGS, 1, 1, SHOWN))
        await decisions(found).accept(found.pools.ballot.decide(now_ms(), alone=False))
        assert len((await found.store.acceptances(Cursor(), 10))[0]) == 1
