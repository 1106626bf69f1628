"""What of the cost of a contribution is whose: of reading and checking it, of the store, of the sum; each by itself."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable

import msgspec

from benchmarks.federation.bodies import States
from benchmarks.federation.seeding import store_of
from benchmarks.federation.services import Database
from benchmarks.federation.stamping import body
from models.descriptor import MINUTE
from models.exchange.envelope import decode_contribution
from models.exchange.pool import Pool
from proxy.clocks import real_now
from proxy.federation.storage.base import Row
from proxy.federation.topics import model_topic

_ORIGINS = 64
_SECONDS = 1.0


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """Microseconds of CPU time per contribution."""

    read_us: float
    pool_us: float
    """The sum without an origin's state and with its next one."""
    stores_us: dict[str, float]
    """By store; of this process alone, with as many callers at once."""


def measure(states: States, databases: list[Database]) -> Parts:
    """Measure; the databases are written to."""
    minute = int(real_now() * 1000) // MINUTE
    sent = [body(model, 1, 1) for model in states.models]
    read = [decode_contribution(states.service_type, each, now_minute=minute) for each in sent]
    turns = itertools.count()
    pool = Pool(states.service_type)

    def put() -> None:
        turn = next(turns)
        origin, sequence = turn % _ORIGINS, turn // _ORIGINS + 1
        state = (origin + sequence) % len(read)
        contribution = msgspec.structs.replace(read[state], sequence=sequence)
        pool.put(f"o{origin}", contribution, data=states.models[state])

    return Parts(
        read_us=_mean(
            lambda: decode_contribution(states.service_type, sent[next(turns) % len(sent)], now_minute=minute)
        ),
        pool_us=_mean(put),
        stores_us={database.kind: asyncio.run(_storing(database, states.service_type, sent)) for database in databases},
    )


def _mean(work: Callable[[], object]) -> float:
    begun, count = time.process_time(), 0
    while time.process_time() < begun + _SECONDS:
        for _ in range(_ORIGINS):
            work()
        count += _ORIGINS
    return (time.process_time() - begun) / count * 1e6


async def _storing(database: Database, service_type: str, sent: list[bytes]) -> float:
    store = store_of(database)
    await store.open()
    topic, count = model_topic(service_type), 0
    begun, until = time.process_time(), time.monotonic() + _SECONDS

    async def put(origin: int) -> int:
        sequence = 0
        while time.monotonic() < until:
            sequence += 1
            await store.put([Row(f"o{origin}", topic, 1, sequence, sent[(origin + sequence) % len(sent)])])
        return sequence

    count = sum(await asyncio.gather(*(put(origin) for origin in range(_ORIGINS))))
    spent = time.process_time() - begun
    await store.close()
    return spent / count * 1e6
