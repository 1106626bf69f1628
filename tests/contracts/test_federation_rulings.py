"""What every store of a federation service does alike about candidates: who vouched, and what holds without them."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest

from models.candidates import WINDOW, Candidate
from models.exchange.showings import Acceptance
from models.exchange.votes import Vote, Vouched
from models.relationship import Key
from proxy.federation.storage import ruled
from proxy.federation.storage.base import MAX_ROWS, Cursor, Row, Ruling, Store
from tests.contracts.conftest import Opened


def candidate(name: str = "/a") -> Candidate:
    return Candidate("/light", "relationship", Key(name, own=False, operation="GET", data_type=""))


def vouched(name: str, by: Sequence[str], *, time: int = 5, homes: int = 9, apart: int = 0) -> Vouched:
    """Sites, of which each began so much later than the one before."""
    votes = tuple(Vote(origin, 1, 1, time + place * apart) for place, origin in enumerate(by))
    return Vouched(Acceptance(candidate=candidate(name), time=time), votes, homes, alone=False)


def nodes(name: str, homes: int, **witnesses: int) -> Vouched:
    """Nodes of one site, each with as many instances as witnesses."""
    votes = tuple(Vote(origin, count, count, 5) for origin, count in witnesses.items())
    return Vouched(Acceptance(candidate=candidate(name), time=5), votes, homes, alone=True)


async def show(store: Store, *origins: str, epoch: int = 1) -> None:
    await store.put([Row(origin, "showings", epoch, 1, b"x") for origin in origins])


async def rulings(store: Store, cursor: Cursor = Cursor()) -> tuple[dict[str, Ruling], Cursor]:  # noqa: B008, frozen
    found: dict[str, Ruling] = {}
    while True:
        part, cursor = await store.rulings(cursor, 3)
        if not part:
            return found, cursor
        found |= {each.candidate.key.partner: each for each in part}


async def holding(store: Store) -> set[str]:
    return {name for name, each in (await rulings(store))[0].items() if not each.withdrawn}


def acceptance(name: str, time: int = 5) -> Acceptance:
    return Acceptance(candidate=candidate(name), time=time)


async def test_the_first_acceptance_stays(store: Store) -> None:
    await show(store, "a", "b")
    some = [vouched("/a", "ab"), vouched("/b", "ab", time=6), vouched("/a", "ab", time=7)]
    assert await store.accept(some) == [True] * 3
    found, cursor = await rulings(store)
    assert {name: each.time for name, each in found.items()} == {"/a": 5, "/b": 6}
    assert await store.accept([vouched("/a", "ab", time=9), vouched("/c", "ab", time=10)]) == [True, True]
    later, _ = await rulings(store, Cursor.parse(cursor.text()))
    assert later == {"/c": Ruling(candidate("/c"), 10)}


async def test_what_only_the_one_who_is_taken_out_carried_is_withdrawn(store: Store) -> None:
    await show(store, "a", "b", "c")
    await store.accept([vouched("/two", "ab"), vouched("/three", "abc"), vouched("/others", "bc")])
    _, cursor = await rulings(store)
    await store.remove("a")
    told, _ = await rulings(store, cursor)
    assert told == {"/two": Ruling(candidate("/two"), 5, withdrawn=True)}, "this alone is news"
    assert await holding(store) == {"/three", "/others"}
    await store.remove("c")
    assert await holding(store) == set()


async def test_votes_that_were_weaker_together_are_weighed_again(store: Store) -> None:
    """Sites that began one after the other are enough while they are nearly all; nodes while half show it."""
    await show(store, *"abcdef")
    later = vouched("/later", "abc", homes=3, apart=WINDOW + 1)
    await store.accept([later, vouched("/few", "abcd", homes=5, apart=WINDOW + 1), nodes("/half", 8, a=2, b=1, e=2)])
    await store.remove("a")
    assert await holding(store) == {"/later", "/half"}, "2 of 2; 3 of 4 are not more than three quarters; 3 of 6"
    await store.remove("e")
    assert await holding(store) == {"/later"}, "1 of 4"


async def test_whoever_comes_back_carries_nothing_of_before(store: Store) -> None:
    await show(store, "a", "b", "c")
    await store.accept([vouched("/a", "ab")])
    await store.remove("a")
    await show(store, "a", epoch=2)
    assert await holding(store) == set()
    # It takes two that show it now: what is left of the old votes is not added to.
    assert await store.accept([vouched("/a", "ac", time=8)]) == [True]
    assert (await rulings(store))[0] == {"/a": Ruling(candidate("/a"), 8)}
    await store.remove("a")
    assert await holding(store) == set()


async def test_a_decision_that_comes_after_the_voter_was_taken_out_does_not_hold(store: Store) -> None:
    """Another process may have decided before it knew."""
    await show(store, "a", "b", "c")
    await store.remove("a")
    assert await store.accept([vouched("/a", "ab"), vouched("/b", "abc"), vouched("/c", "xb")]) == [False, True, False]
    assert await holding(store) == {"/b"}
    await store.remove("c")
    assert await holding(store) == set()


async def test_processes_that_decide_at_once_add_up_who_vouched(store: Store, store_at: Opened) -> None:
    other = store_at()
    await other.open()
    await show(store, "a", "b", "c")
    await asyncio.gather(store.accept([vouched("/a", "ab")]), other.accept([vouched("/a", "bc")]))
    await other.remove("b")
    assert await holding(store) == {"/a"}
    await store.remove("c")
    assert await holding(other) == set()
    await other.close()


async def test_removing_and_deciding_at_once_leaves_no_vote_of_who_is_gone(store: Store, store_at: Opened) -> None:
    other = store_at()
    await other.open()
    for attempt in range(15):
        gone, left = f"gone{attempt}", f"left{attempt}"
        await show(store, gone, left)
        deciding = asyncio.create_task(store.accept([vouched(f"/{attempt}", [gone, left])]))
        await asyncio.sleep(0.0005 * attempt)
        await other.remove(gone)
        await deciding
        assert f"/{attempt}" not in await holding(store)
    await other.close()


async def test_level_above_takes_back_what_it_gave_and_no_more(store: Store) -> None:
    await show(store, "a", "b")
    await store.hear([acceptance("/told"), acceptance("/both")], [])
    await store.accept([vouched("/own", "ab"), vouched("/both", "ab")])
    assert await holding(store) == {"/told", "/own", "/both"}
    # What the level above says does not depend on who is here.
    await store.hear([], [candidate("/told"), candidate("/own"), candidate("/both"), candidate("/never")])
    assert await holding(store) == {"/own", "/both"}
    assert set((await rulings(store))[0]) == {"/own", "/both", "/told"}
    await store.hear([acceptance("/both"), acceptance("/told", 7)], [])
    await store.remove("a")
    assert await holding(store) == {"/told", "/both"}
    assert (await rulings(store))[0]["/told"].time == 7
    await store.hear([], [candidate("/both")])
    assert await holding(store) == {"/told"}


async def test_withdrawn_is_told_once_and_after_opening_again(store: Store, store_at: Opened) -> None:
    await show(store, "a", "b")
    await store.accept([vouched("/a", "ab")])
    _, cursor = await rulings(store)
    await store.remove("a")
    told, cursor = await rulings(store, cursor)
    assert told["/a"].withdrawn
    await store.remove("a")
    await store.hear([], [candidate("/a")])
    again = store_at()
    await again.open()
    assert await rulings(again, cursor) == ({}, cursor)
    assert (await rulings(again))[0] == told
    await again.close()


async def test_rulings_are_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("sqlite_rulings", "postgres_rulings"):
        monkeypatch.setattr(f"proxy.federation.storage.{module}.MAX_ACCEPTANCES", 3)
    await show(store, "a", "b")
    await store.accept([vouched(f"/{n}", "ab", time=n) for n in range(5)])
    assert await holding(store) == {"/2", "/3", "/4"}
    await store.remove("a")
    await show(store, "a", epoch=2)
    await store.accept([vouched(f"/{n}", "ab", time=n) for n in range(5, 10)])
    found, _ = await rulings(store)
    assert set(found) == {"/2", "/3", "/4", "/7", "/8", "/9"}, "of what holds, and of what does not"
    with pytest.raises(ValueError, match=f"at most {MAX_ROWS}"):
        await store.accept([vouched(f"/{n}", "ab") for n in range(MAX_ROWS + 1)])
    with pytest.raises(ValueError, match=f"at most {MAX_ROWS}"):
        await store.hear([acceptance(f"/{n}") for n in range(MAX_ROWS)], [candidate()])


async def test_the_cursor_of_rulings_stays_short(store: Store) -> None:
    await show(store, "a")
    assert (await store.rulings(Cursor(), 10))[1] == Cursor()


async def test_what_a_store_of_before_accepted_goes_with_the_first_who_does(
    store_at: Opened, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Nobody knows who vouched. What is still right is shown again, and accepted with votes."""
    store = store_at()
    await store.open()
    await show(store, "a", "b", "c")
    digest, body = ruled.Key.of(candidate("/old"))
    with _database(request, tmp_path) as database:
        database.execute("DROP TABLE rulings")
        database.execute("DROP TABLE votes")
        database.execute("UPDATE schema_version SET version = 1")
        insert = "INSERT INTO acceptances VALUES (?, ?, 3, 'w', 1)"
        database.execute(
            insert if isinstance(database, sqlite3.Connection) else insert.replace("?", "%s"), (digest, body)
        )
    await store.close()
    again = store_at()
    await again.open()
    found, cursor = await rulings(again)
    assert found == {"/old": Ruling(candidate("/old"), 3)}
    assert cursor == Cursor({"w": 1}), "who had read that far is told nothing again"
    await again.remove("nobody")
    assert await holding(again) == {"/old"}
    await again.remove("a")
    assert await holding(again) == set()
    assert await again.accept([vouched("/old", "bc", time=9)]) == [True]
    assert (await rulings(again))[0]["/old"] == Ruling(candidate("/old"), 9)
    await again.close()


def _database(request: pytest.FixtureRequest, directory: Path) -> Any:
    if "postgres" in request.node.name:
        return psycopg.connect(request.getfixturevalue("database"))
    return sqlite3.connect(directory / "federation.db")
