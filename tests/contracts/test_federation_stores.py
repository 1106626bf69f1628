"""What every store of a federation service does alike."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import psycopg
import pytest

from proxy.federation.storage.base import (
    LAST,
    MAX_ROWS,
    MAX_TOPICS,
    Certificate,
    Cursor,
    Held,
    Row,
    Store,
    Token,
)
from proxy.federation.storage.postgres import PostgresStore
from tests.contracts.conftest import Opened

START = Cursor()


def row(origin: str = "a", topic: str = "model:/light", epoch: int = 1, sequence: int = 1, body: bytes = b"x") -> Row:
    return Row(origin, topic, epoch, sequence, body)


async def everything(store: Store, cursor: Cursor = START, limit: int = 100) -> tuple[list[Row], Cursor]:
    found: list[Row] = []
    while True:
        rows, cursor = await store.changes(cursor, limit)
        if not rows:
            return found, cursor
        found += rows


async def test_what_is_put_is_told(store: Store) -> None:
    rows = [row("a"), row("b", sequence=7, body=b"\x00\xff"), row("a", "showings")]
    assert await store.put(rows) == [Held(stored=True, epoch=1, sequence=each.sequence) for each in rows]
    found, _ = await everything(store)
    assert sorted(found, key=str) == sorted(rows, key=str)


async def test_only_newer_replaces(store: Store) -> None:
    await store.put([row(epoch=2, sequence=5, body=b"held")])
    for stale in (row(epoch=2, sequence=4), row(epoch=1, sequence=900), row(epoch=2, sequence=5)):
        assert await store.put([stale]) == [Held(stored=False, epoch=2, sequence=5)]
    assert (await everything(store))[0] == [row(epoch=2, sequence=5, body=b"held")]
    for newer in (row(epoch=2, sequence=6), row(epoch=3, sequence=0)):
        assert await store.put([newer]) == [Held(stored=True, epoch=newer.epoch, sequence=newer.sequence)]
        assert (await everything(store))[0] == [newer]


async def test_one_after_the_other_within_a_call(store: Store) -> None:
    held = await store.put([row(sequence=3), row(sequence=2), row(sequence=9, body=b"last"), row(sequence=9)])
    assert held == [
        Held(stored=True, epoch=1, sequence=3),
        Held(stored=False, epoch=1, sequence=3),
        Held(stored=True, epoch=1, sequence=9),
        Held(stored=False, epoch=1, sequence=9),
    ]
    assert (await everything(store))[0] == [row(sequence=9, body=b"last")]


async def test_nothing_is_put(store: Store) -> None:
    assert await store.put([]) == []
    assert await store.changes(Cursor(), 10) == ([], Cursor())


@pytest.mark.parametrize(
    "bad",
    [
        row(origin="A"),
        row(origin=""),
        row(origin="a" * 64),
        row(topic=""),
        row(topic="model:\x00"),
        row(topic="m" * 513),
        row(epoch=-1),
        row(epoch=LAST + 1),
        row(sequence=LAST),
        row(body=b"x" * ((1 << 20) + 1)),
        Row("a", "model:/light", 1, 1, None),
    ],
    ids=lambda bad: repr(bad)[:40],
)
async def test_a_bad_row_is_refused_to_its_caller_alone(store: Store, bad: Row) -> None:
    good = asyncio.create_task(store.put([row("good")]))
    with pytest.raises(ValueError, match=r"up to|from 0|is called"):
        await store.put([row("fine"), bad])
    await good
    assert (await everything(store))[0] == [row("good")]


async def test_too_many_rows_are_refused(store: Store) -> None:
    with pytest.raises(ValueError, match=f"at most {MAX_ROWS}"):
        await store.put([row(sequence=n) for n in range(MAX_ROWS + 1)])


async def test_callers_at_once(store: Store) -> None:
    rows = [row(f"o{n % 50}", f"model:/t{n % 3}", sequence=n) for n in range(1000)]
    answers = await asyncio.gather(*(store.put([each]) for each in rows))
    assert all(held.sequence >= each.sequence for (held,), each in zip(answers, rows, strict=True))
    newest: dict[tuple[str, str], Row] = {}
    for each in rows:
        newest[each.origin, each.topic] = each
    found, _ = await everything(store, limit=7)
    assert {(each.origin, each.topic): each for each in found} == newest
    assert len(found) == len(newest)


async def test_a_feed_goes_on_where_it_was(store: Store) -> None:
    await store.put([row("a"), row("b")])
    _, cursor = await everything(store)
    assert await store.changes(cursor, 10) == ([], cursor)
    await store.put([row("a", sequence=2), row("c")])
    found, cursor = await everything(store, Cursor.parse(cursor.text()))
    assert sorted(found, key=str) == [row("a", sequence=2), row("c")]
    assert (await everything(store, cursor))[0] == []


async def test_what_is_stale_is_not_told(store: Store) -> None:
    await store.put([row(sequence=2)])
    _, cursor = await everything(store)
    await store.put([row(sequence=1)])
    assert (await everything(store, cursor))[0] == []


async def test_an_origin_is_taken_out(store: Store) -> None:
    await store.put([row("a"), row("a", "showings"), row("b")])
    _, cursor = await everything(store)
    assert await store.remove("a") == 2
    found, _ = await everything(store, cursor)
    assert sorted(found, key=str) == [Row("a", "model:/light", 1, LAST, None), Row("a", "showings", 1, LAST, None)]
    assert await store.remove("a") == 0
    assert await store.remove("nobody") == 0
    assert len((await everything(store))[0]) == 3


async def test_nothing_of_the_same_epoch_comes_back(store: Store) -> None:
    await store.put([row()])
    await store.remove("a")
    assert await store.put([row()]) == [Held(stored=False, epoch=1, sequence=LAST)]
    assert await store.put([row(sequence=LAST - 1)]) == [Held(stored=False, epoch=1, sequence=LAST)]
    assert await store.put([row(epoch=2)]) == [Held(stored=True, epoch=2, sequence=1)]
    assert (await everything(store))[0] == [row(epoch=2)]


async def test_an_origin_has_no_more_topics_than_it_may(store: Store) -> None:
    for start in range(0, MAX_TOPICS, MAX_ROWS):
        held = await store.put([row(topic=f"model:/{n}") for n in range(start, start + MAX_ROWS)])
        assert all(each.stored for each in held)
    refused, stored, other = await store.put(
        [row(topic="model:/more"), row(topic="model:/0", sequence=2), row("b", topic="model:/more")]
    )
    assert (refused.stored, refused.full) == (False, True)
    assert (stored.stored, stored.full, other.stored) == (True, False, True)
    assert "model:/more" not in {each.topic for each in (await everything(store))[0] if each.origin == "a"}


def certificate(serial: str, origin: str = "a", not_after: int = 1000) -> Certificate:
    return Certificate(serial, origin, "origin", not_after)


async def certify(store: Store, found: Certificate, now: int) -> None:
    digest = found.serial.encode()
    await store.add_token(Token(digest, found.origin, found.role, now + 1), now)
    assert await store.enrol(digest, found, now)


async def test_a_token_is_used_once(store: Store) -> None:
    token = Token(b"digest", "a", "origin", expires=100)
    await store.add_token(token, 0)
    assert await store.token(b"another", 50) is None
    assert not await store.enrol(b"another", certificate("00"), 50)
    assert await store.token(b"digest", 50) == token
    used = await asyncio.gather(*(store.enrol(b"digest", certificate(f"0{n}"), 50) for n in range(5)))
    assert sorted(used) == [False] * 4 + [True]
    assert [await store.counts(f"0{n}") for n in range(5)] == used
    assert await store.token(b"digest", 50) is None


async def test_an_expired_token_is_of_no_use(store: Store) -> None:
    await store.add_token(Token(b"digest", "a", "origin", expires=100), 0)
    assert await store.token(b"digest", 100) is None
    assert not await store.enrol(b"digest", certificate("01"), 100)


async def test_tokens_go_when_their_origin_is_revoked(store: Store) -> None:
    await store.add_token(Token(b"of a", "a", "origin", expires=100), 0)
    await store.add_token(Token(b"of b", "b", "origin", expires=100), 0)
    assert (await store.revoke("a", 7)).certificates == 0
    assert not await store.enrol(b"of a", certificate("01"), 50)
    assert await store.enrol(b"of b", certificate("02", "b"), 50)


async def test_whoever_enrols_while_it_is_revoked_keeps_nothing(store_at: Opened) -> None:
    here, there = store_at(), store_at()
    for each in (here, there):
        await each.open()
    for n in range(20):
        await here.add_token(Token(f"{n}".encode(), f"o{n}", "origin", expires=100), 0)
        enrolling = asyncio.create_task(here.enrol(f"{n}".encode(), certificate(f"{n}", f"o{n}"), 0))
        await asyncio.sleep(0.0005 * n)
        assert (await there.revoke(f"o{n}", 7)).certificates == await enrolling
    for each in (here, there):
        await each.close()


async def test_revocations_are_told(store: Store) -> None:
    for serial, origin in (("01", "a"), ("02", "a"), ("03", "b")):
        await certify(store, Certificate(serial, origin, "origin", not_after=1000), 0)
    assert (await store.revocations(Cursor(), 10))[0] == []
    assert (await store.revoke("a", 7)).certificates == 2
    found, cursor = await store.revocations(Cursor(), 10)
    assert [(each.serial, each.origin, each.not_after, each.revoked) for each in found] == [
        ("01", "a", 1000, 7),
        ("02", "a", 1000, 7),
    ]
    assert (await store.revoke("a", 8)).certificates == 0
    await certify(store, Certificate("04", "a", "origin", not_after=2000), 10)
    assert (await store.revocations(cursor, 10))[0] == []
    assert (await store.revoke("a", 11)).certificates == 1
    assert [each.serial for each in (await store.revocations(cursor, 10))[0]] == ["04"]


async def test_a_certificate_is_renewed_unless_it_is_revoked(store: Store) -> None:
    await certify(store, certificate("01"), 0)
    assert await store.renew("01", certificate("02"), 0)
    assert (await store.revoke("a", 7)).certificates == 2
    for serial in ("01", "02", "never"):
        assert not await store.renew(serial, certificate("03"), 8)
    assert (await store.revoke("a", 9)).certificates == 0
    await certify(store, certificate("04"), 10)
    assert not await store.renew("04", certificate("05", "b"), 11)
    assert await store.renew("04", certificate("06"), 11)


async def test_a_certificate_counts_while_it_is_on_record_and_not_revoked(store: Store) -> None:
    await certify(store, certificate("01"), 0)
    await certify(store, certificate("02", "b"), 0)
    await store.revoke("a", 7)
    assert [await store.counts(serial) for serial in ("01", "02", "03")] == [False, True, False]


async def test_whoever_renews_while_it_is_revoked_keeps_nothing(store_at: Opened) -> None:
    """Also where another process revokes, and however the two meet."""
    here, there = store_at(), store_at()
    for each in (here, there):
        await each.open()
    for attempt in range(20):
        origin = f"o{attempt}"
        await certify(here, certificate(f"{attempt}-0", origin), 0)

        async def renew(origin: str = origin, attempt: int = attempt) -> int:
            generation = 0
            while await here.renew(f"{attempt}-{generation}", certificate(f"{attempt}-{generation + 1}", origin), 0):
                generation += 1
            return generation

        renewing = asyncio.create_task(renew())
        await asyncio.sleep(0.003 * attempt)
        revoked = (await there.revoke(origin, 7)).certificates
        assert revoked == await renewing + 1
    assert all(not each.certificates for each in await here.origins("", 100))
    for each in (here, there):
        await each.close()


async def test_origins_are_listed_in_pages(store: Store) -> None:
    await certify(store, Certificate("01", "a", "origin", not_after=1000), 0)
    await certify(store, Certificate("02", "a", "origin", not_after=2000), 0)
    await certify(store, Certificate("03", "b", "operator", not_after=1000), 0)
    await certify(store, Certificate("04", "c", "origin", not_after=1000), 0)
    await store.put([row("a"), row("a", "showings"), row("c")])
    await store.revoke("c", 5)
    await store.remove("c")
    first = await store.origins("", 2)
    assert [(o.name, o.role, o.certificates, o.not_after, o.revoked, o.topics) for o in first] == [
        ("a", "origin", 2, 2000, None, 2),
        ("b", "operator", 1, 1000, None, 0),
    ]
    rest = await store.origins("b", 2)
    assert [(o.name, o.role, o.certificates, o.not_after, o.revoked, o.topics) for o in rest] == [
        ("c", "origin", 0, None, 5, 0)
    ]


async def test_expired_certificates_go_when_the_origin_gets_another(store: Store) -> None:
    await certify(store, Certificate("01", "a", "origin", not_after=1000), 0)
    await certify(store, Certificate("02", "a", "origin", not_after=3000), 1000)
    (origin,) = await store.origins("", 10)
    assert (origin.certificates, origin.not_after) == (1, 3000)


async def test_all_is_there_after_opening_again(store_at: Opened) -> None:
    first: Store = store_at()
    await first.open()
    await first.put([row()])
    await certify(first, Certificate("01", "a", "origin", not_after=1000), 0)
    await first.revoke("a", 5)
    _, cursor = await everything(first)
    await first.close()
    again: Store = store_at()
    await again.open()
    assert (await everything(again))[0] == [row()]
    assert len((await again.revocations(Cursor(), 10))[0]) == 1
    await again.put([row(sequence=2)])
    assert (await everything(again, cursor))[0] == [row(sequence=2)]
    await again.close()


async def test_another_process_is_heard(store: Store, store_at: Opened) -> None:
    await store.put([row()])
    _, cursor = await everything(store)
    other: Store = store_at()
    await other.open()
    await other.remove("a")
    await other.put([row("b")])
    found, _ = await everything(store, cursor)
    assert sorted(found, key=str) == [Row("a", "model:/light", 1, LAST, None), row("b")]
    await other.close()


async def test_whose_numbers_went_back_begins_anew(
    store: Store, store_at: Opened, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Over a backup it would soon have given again the numbers that readers have read, for other changes."""
    for sequence in range(1, 4):
        await store.put([row(sequence=sequence)])
    reader = store_at()
    await reader.open()
    _, cursor = await everything(reader)
    database: Any = (
        psycopg.connect(request.getfixturevalue("database"))
        if isinstance(store, PostgresStore)
        else sqlite3.connect(tmp_path / "federation.db")
    )
    with contextlib.closing(database), database:
        database.execute("UPDATE writers SET newest = 1")
        database.execute("UPDATE contributions SET sequence = 1, change = 1")
    # Before any reader has looked, more is written than was lost.
    for number in range(5):
        await store.put([row(f"o{number}")])
    found, after = await everything(reader, cursor)
    assert after.lost(cursor), "so all is read again"
    found, _ = await everything(reader)
    assert sorted(each.origin for each in found) == ["a", *(f"o{number}" for number in range(5))]
    await reader.close()


async def test_a_closed_store_takes_nothing_but_writes_what_it_took(store_at: Opened) -> None:
    store: Store = store_at()
    await store.open()
    puts = [asyncio.create_task(store.put([row(f"o{n}")])) for n in range(100)]
    await asyncio.sleep(0)
    await store.close()
    assert all([(await put)[0].stored for put in puts])
    again: Store = store_at()
    await again.open()
    await again.ready()
    assert len((await everything(again))[0]) == 100
    await again.close()
