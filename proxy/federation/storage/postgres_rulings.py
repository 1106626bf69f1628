"""What is written of rulings on candidates in PostgreSQL, within a transaction of the store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from models.candidates import Candidate
from models.exchange.showings import Acceptance
from models.exchange.votes import Vote, Vouched
from proxy.federation.storage import postgres_statements as sql
from proxy.federation.storage import ruled
from proxy.federation.storage.base import MAX_ACCEPTANCES
from proxy.federation.storage.postgres_connections import Connection
from proxy.federation.topics import SHOWINGS

type Number = Callable[[int], Awaitable[tuple[str, int]]]
"""Takes numbers for changes of this transaction: returns the writer, and the first one."""


async def accept(connection: Connection, vouched: Sequence[Vouched], number: Number) -> list[bool]:
    """Keep what holds of what was decided, and who vouched; return of each whether it does."""
    # First of all, as when rows are put: who waits for whom does not form a circle within a process.
    await number(0)
    present = set()
    for origin in ruled.voters(vouched):
        if await (await connection.execute(sql.PRESENT, (origin, SHOWINGS))).fetchone():
            present.add(origin)
    held = ruled.holding(vouched, present)
    if held:
        await _write(connection, list(held.values()), number)
    return [ruled.Key.of(each.acceptance.candidate).digest in held for each in vouched]


async def _write(connection: Connection, held: Sequence[tuple[ruled.Key, Vouched]], number: Number) -> None:
    writer, first = await number(len(held))
    await connection.execute(
        sql.ACCEPT,
        (
            writer,
            [key.digest for key, _ in held],
            [key.body for key, _ in held],
            [each.acceptance.time for _, each in held],
            [each.homes for _, each in held],
            [int(each.alone) for _, each in held],
            list(range(first, first + len(held))),
        ),
    )
    votes = [(key.digest, *vote) for key, each in held for vote in each.votes]
    await connection.execute(sql.VOTE, tuple([vote[column] for vote in votes] for column in range(5)))
    await _expire(connection)


async def hear(
    connection: Connection, accepted: Sequence[Acceptance], withdrawn: Sequence[Candidate], number: Number
) -> None:
    """Keep what the level above accepted and took back."""
    told, gone = ruled.told_rows(accepted), ruled.digests(withdrawn)
    writer, first = await number(len(told) + len(gone))
    if told:
        digests, bodies, times = ([each[column] for each in told] for column in range(3))
        changes = list(range(first, first + len(told)))
        await connection.execute(sql.HEAR, (writer, digests, bodies, times, changes))
    if gone:
        first += len(told)
        await connection.execute(sql.TAKEN_BACK, (writer, gone, list(range(first, first + len(gone)))))
    await _expire(connection)


async def remove(connection: Connection, origin: str, number: Number, *, contributed: bool) -> None:
    """Decide again without an origin, once its contributions are taken out."""
    digests = [row[0] for row in await (await connection.execute(sql.VOTED, (origin,))).fetchall()]
    if contributed:
        digests += [row[0] for row in await (await connection.execute(sql.UNKNOWN_VOTERS)).fetchall()]
    if not digests:
        return
    rows = await (await connection.execute(sql.HOLDING, (digests,))).fetchall()
    votes = await (await connection.execute(sql.VOTES, (digests,))).fetchall()
    found = ruled.carried(((*row,) for row in rows), ((digest, Vote(*vote)) for digest, *vote in votes))
    await connection.execute(sql.DISCARD_VOTES_OF, (origin,))
    changes = ruled.without(found, origin)
    writer, first = await number(len(changes))
    await connection.execute(
        sql.DECIDED_AGAIN,
        (
            writer,
            [each.digest for each in changes],
            [each.homes for each in changes],
            [int(each.withdrawn) for each in changes],
            list(range(first, first + len(changes))),
        ),
    )
    await connection.execute(sql.DISCARD_VOTES, ([each.digest for each in changes if each.drops_votes],))


async def _expire(connection: Connection) -> None:
    for withdrawn in (0, 1):
        gone = await (await connection.execute(sql.EXPIRE_RULINGS, (withdrawn, MAX_ACCEPTANCES))).fetchall()
        if gone:
            await connection.execute(sql.DISCARD_VOTES, ([row[0] for row in gone],))
