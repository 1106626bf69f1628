"""How deciding and taking out wait for each other in PostgreSQL. What both stores do is in tests/contracts."""

from __future__ import annotations

import asyncio

import psycopg

from models.candidates import Candidate
from models.exchange.showings import Acceptance
from models.exchange.votes import Vote, Vouched
from models.relationship import Key
from proxy.federation.storage.base import LAST, Cursor, Row
from proxy.federation.storage.postgres import PostgresStore
from tests.waiting import PATIENCE

CANDIDATE = Candidate("/light", "relationship", Key("/a", own=False, operation="GET", data_type=""))
VOUCHED = Vouched(
    Acceptance(candidate=CANDIDATE, time=5), (Vote("a", 1, 1, 5), Vote("b", 1, 1, 5)), homes=2, alone=False
)


async def test_whoever_decides_waits_for_who_takes_a_voter_out(database: str) -> None:
    store = PostgresStore(database)
    await store.open()
    await store.put([Row(origin, "showings", 1, 1, b"x") for origin in ("a", "b")])
    other = await psycopg.AsyncConnection.connect(database)
    async with other.transaction():
        await other.execute("UPDATE contributions SET body = NULL, sequence = %s WHERE origin = 'a'", (LAST,))
        deciding = asyncio.create_task(store.accept([VOUCHED]))
        await asyncio.sleep(0.2)
        assert not deciding.done()
    await other.close()
    assert await asyncio.wait_for(deciding, PATIENCE) == [False]
    assert await store.rulings(Cursor(), 10) == ([], Cursor())
    await store.close()


async def test_whoever_takes_a_voter_out_waits_for_who_decides_and_finds_the_vote(database: str) -> None:
    store = PostgresStore(database)
    await store.open()
    await store.put([Row(origin, "showings", 1, 1, b"x") for origin in ("a", "b")])
    await store.accept([VOUCHED])
    other = await psycopg.AsyncConnection.connect(database)
    async with other.transaction():
        # As another process that is about to commit a decision: it holds the voter's row, and writes what it decided.
        await other.execute("SELECT 1 FROM contributions WHERE origin = 'b' FOR UPDATE")
        taking_out = asyncio.create_task(store.remove("b"))
        await asyncio.sleep(0.2)
        assert not taking_out.done()
        await other.execute("INSERT INTO votes SELECT digest, 'c', 1, 1, 5 FROM votes WHERE origin = 'a'")
        await other.execute("UPDATE rulings SET homes = 3")
    await other.close()
    assert await asyncio.wait_for(taking_out, PATIENCE) == 1
    (ruling,), _ = await store.rulings(Cursor(), 10)
    assert not ruling.withdrawn, "the vote that was written meanwhile counts"
    await store.remove("a")
    (ruling,), _ = await store.rulings(Cursor(), 10)
    assert ruling.withdrawn
    await store.close()
