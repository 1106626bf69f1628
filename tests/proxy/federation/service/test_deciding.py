"""Candidates are accepted once, also by several processes; and decided again where a voter is taken out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest

from models.exchange.showings import Acceptance, Showings
from models.exchange.votes import Vote, Vouched
from proxy.clocks import MonotonicEventClock
from proxy.federation.service.deciding import ACCEPTANCES, Decisions
from proxy.federation.storage.base import Cursor, Row, Ruling, StoreError
from proxy.federation.topics import SHOWINGS
from tests.proxy.federation.service.learnt import LIGHT, showing
from tests.proxy.federation.service.running import now_ms
from tests.proxy.federation.service.stored import Parts, parts
from tests.waiting import PATIENCE, until

SHOWN = msgspec.msgpack.encode(Showings(instances={LIGHT: 3}, open=[showing(persistent=2)]))


def decisions(found: Parts) -> Decisions:
    clock = MonotonicEventClock(now_ms())
    return Decisions(found.store, found.feed, found.pools, found.changes, clock)


@contextlib.asynccontextmanager
async def running(*works: Coroutine[None, None, None]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()


async def rulings(found: Parts) -> list[Ruling]:
    return (await found.store.rulings(Cursor(), 10))[0]


async def ruled(found: Parts, *withdrawn: bool) -> None:
    """Wait until there are such rulings."""
    async with asyncio.timeout(PATIENCE):
        while [each.withdrawn for each in await rulings(found)] != list(withdrawn):  # noqa: ASYNC110 -- no event
            await asyncio.sleep(0.05)


async def test_two_that_decide_the_same_tell_it_once(tmp_path: Path) -> None:
    async with parts(tmp_path) as found:
        both = decisions(found), decisions(found)
        async with running(found.feed.follow(), both[0].follow(), both[0].decide(lambda _: False, alone=False)):
            waiting = asyncio.create_task(found.changes.wait(ACCEPTANCES, PATIENCE))
            await found.store.put([Row(origin, SHOWINGS, 1, 1, SHOWN) for origin in ("a", "b")])
            assert await waiting
            told, cursor = await found.store.rulings(Cursor(), 10)
            assert [each.candidate for each in told] == [showing().candidate]
            votes = (Vote("a", 3, 3, 5), Vote("b", 3, 3, 5))
            acceptance = Acceptance(candidate=told[0].candidate, time=told[0].time + 5)
            assert await both[1].accept([Vouched(acceptance, votes, 2, alone=False)])
            assert await found.store.rulings(cursor, 10) == ([], cursor)
            await until(lambda: both[0].newest == cursor)


async def test_nodes_of_a_site_that_is_alone_decide_as_one(tmp_path: Path) -> None:
    async with (
        parts(tmp_path) as found,
        running(found.feed.follow(), decisions(found).decide(lambda _: False, alone=True)),
    ):
        await found.store.put([Row("node-1", SHOWINGS, 1, 1, SHOWN)])
        await ruled(found, False)


async def test_what_is_withdrawn_is_decided_again_by_every_process(tmp_path: Path) -> None:
    """Whichever took the origin out; the one that remembers that it had accepted it, too."""
    async with parts(tmp_path) as found, parts(tmp_path) as other:
        working = []
        for each in (found, other):
            made = decisions(each)
            working += [each.feed.follow(), made.follow(), made.decide(lambda _: False, alone=False)]
        async with running(*working):
            await found.store.put([Row(origin, SHOWINGS, 1, 1, SHOWN) for origin in ("a", "b")])
            await ruled(found, False)
            await other.store.remove("a")
            await ruled(found, True)
            # The one that is left shows it again, and another one does: it needs no vote of before.
            again = msgspec.msgpack.encode(Showings(instances={LIGHT: 3}, open=[showing(recent=2)]))
            await found.store.put([Row(origin, SHOWINGS, 1, 2, again) for origin in ("b", "c")])
            await ruled(other, False)


async def test_what_cannot_be_stored_is_decided_again_without_who_left_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with parts(tmp_path) as found:
        good, tried = found.store.accept, asyncio.Event()

        async def away(_: object) -> None:
            tried.set()
            raise StoreError("away")

        monkeypatch.setattr(found.store, "accept", away)
        async with running(found.feed.follow(), decisions(found).decide(lambda _: False, alone=False)):
            await found.store.put([Row(origin, SHOWINGS, 1, 1, SHOWN) for origin in ("a", "b")])
            await tried.wait()
            await found.store.remove("a")
            await until(lambda: found.pools.ballot.names == {"b"})
            monkeypatch.setattr(found.store, "accept", good)
            await found.store.put([Row("c", SHOWINGS, 1, 1, SHOWN)])
            await ruled(found, False)
            await found.store.remove("c")
            await ruled(found, True)


async def test_what_the_level_above_says_is_stored_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with parts(tmp_path) as found:
        good, failures = found.store.hear, iter(range(1))

        async def hear(*told: Any) -> None:
            if next(failures, None) is not None:
                raise StoreError("away")
            await good(*told)

        monkeypatch.setattr(found.store, "hear", hear)
        candidate = showing().candidate
        await decisions(found).hear([Acceptance(candidate=candidate, time=7)], [])
        assert await rulings(found) == [Ruling(candidate, 7)]
        await decisions(found).hear([], [candidate])
        assert await rulings(found) == [Ruling(candidate, 7, withdrawn=True)]
