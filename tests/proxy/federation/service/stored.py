"""A real store for parts of the service, and its parts around it, without the network."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from models.contributions import Contribution
from models.exchange.envelope import encode_contribution
from proxy.clocks import MonotonicEventClock, real_now
from proxy.federation.configuration import ServiceLimits
from proxy.federation.service.expulsion import Expulsion
from proxy.federation.service.feed import Feed
from proxy.federation.service.pools import Pools
from proxy.federation.service.revocations import Revocations
from proxy.federation.service.waiting import Changes
from proxy.federation.storage.base import Certificate, Row, Token
from proxy.federation.storage.sqlite import SqliteStore
from proxy.federation.topics import model_topic
from tests.proxy.federation.service.running import now_ms


def row_of(origin: str, contribution: Contribution) -> Row:
    topic = model_topic(contribution.model.service_type)
    return Row(origin, topic, contribution.epoch, contribution.sequence, encode_contribution(contribution))


@dataclass
class Parts:
    """Of a service."""

    store: SqliteStore
    changes: Changes
    pools: Pools
    feed: Feed
    revocations: Revocations
    expulsion: Expulsion

    async def certify(self, origin: str, serial: str) -> None:
        await self.record(Certificate(serial, origin, "origin", now_ms() + 10**8))

    async def record(self, certificate: Certificate) -> None:
        digest = certificate.serial.encode()
        await self.store.add_token(Token(digest, certificate.origin, certificate.role, now_ms() + 10**6), now_ms())
        assert await self.store.enrol(digest, certificate, now_ms())


@contextlib.asynccontextmanager
async def parts(directory: Path, limits: ServiceLimits | None = None) -> AsyncIterator[Parts]:
    store = SqliteStore(directory / "federation.db")
    await store.open()
    changes = Changes()
    pools = Pools("global", limits or ServiceLimits(), changes, MonotonicEventClock(now_ms()))
    feed = Feed(store, pools)
    revocations = Revocations(store, time.monotonic)
    yield Parts(store, changes, pools, feed, revocations, Expulsion(store, revocations, feed, changes, real_now))
    await store.close()
