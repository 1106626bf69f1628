"""Stores what an origin published, durably, before anybody is told that it was taken."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Literal

from models.descriptor import MINUTE
from models.exchange.plausibility import AHEAD
from proxy.federation.messages import LARGEST_STAMP
from proxy.federation.service.feed import Feed
from proxy.federation.service.problem import Failure
from proxy.federation.storage.base import Row, Store


def stale(held: tuple[int, int]) -> Failure:
    """Return the failure of a state that is older than what is held, or another one of the same stamp."""
    detail = "begin a new epoch, above the one that is held, with the whole current state"
    return Failure(HTTPStatus.CONFLICT, "stale", detail, held=held)


class Publishing:
    """The way into the store."""

    def __init__(self, store: Store, feed: Feed, real_now: Callable[[], float]) -> None:
        """Keep the store, who is to be told that there is something new, and real time, s."""
        self._store = store
        self._feed = feed
        self._real_now = real_now

    async def publish(self, row: Row) -> Literal["stored", "known"]:
        """Store a state, and return whether that was news.

        Raises:
            Failure: a newer one is held (409), the stamp cannot be or is a day ahead (400), or there is no room (422).
            StoreError: the store does not answer.
        """
        if max(row.stamp) > LARGEST_STAMP:
            raise Failure(HTTPStatus.BAD_REQUEST, "malformed", f"epoch and sequence are at most {LARGEST_STAMP}")
        # Whoever took the last epoch that there is would keep the name from its owner for ever, revoked or not.
        if row.epoch > self._real_now() * 1000 + AHEAD * MINUTE:
            raise Failure(HTTPStatus.BAD_REQUEST, "time", "an epoch begins in the future: it is ms since 1970")
        try:
            (held,) = await self._store.put([row])
        except ValueError as error:
            raise Failure(HTTPStatus.BAD_REQUEST, "malformed", str(error)) from error
        if held.full:
            raise Failure(HTTPStatus.UNPROCESSABLE_ENTITY, "full", "contribute to fewer service types")
        if held.stored:
            self._feed.stored()
            return "stored"
        if (held.epoch, held.sequence) == row.stamp:
            return "known"
        raise stale((held.epoch, held.sequence))
