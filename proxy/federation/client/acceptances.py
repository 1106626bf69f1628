"""Learns from the service which candidates were accepted, and which of these no longer are, as soon as that is so."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from itertools import batched
from urllib.parse import quote

import msgspec

from models.candidates import Candidate
from models.exchange.plausibility import BadContribution, check_candidate
from models.exchange.showings import Acceptance
from proxy.federation.client.connection import AnswerError, Connection, ServiceError
from proxy.federation.client.database import Disk
from proxy.federation.client.ends import Sink
from proxy.federation.client.heard_acceptances import HeardAcceptances
from proxy.federation.client.pace import LEAST_SECONDS, WAIT_SECONDS
from proxy.federation.messages import Acceptances

_LARGEST = 1024 * 1024
_AT_ONCE = 64
"""Acceptances that are handed on together: each is a step that all workers follow between two calls."""
_PAUSE_SECONDS = 0.05
"""Real time between two such steps."""
_LONGEST_CURSOR = 4096
_UNKNOWN_CURSOR = 400


class AcceptanceReader:
    """Hands on what was accepted and withdrawn. For the event loop's thread; disks are waited for in another."""

    def __init__(self, sink: Sink, disk: Disk, connection: Connection) -> None:
        self._sink = sink
        self._disk = disk
        self._connection = connection
        self._settled = False
        """Whether the service answered the last time. If not, it is not asked to wait: an answer ends the trouble."""
        self.taken = 0
        """Acceptances since the start."""

    async def begin(self) -> None:
        """Hand on what was told before a restart; whoever knows it already passes over it.

        Raises:
            DiskError: the disk refuses.
        """
        accepted = await self._disk.run(lambda database: HeardAcceptances(database).all())
        withdrawn = await self._disk.run(lambda database: HeardAcceptances(database).withdrawn())
        await self._hand_on(accepted, withdrawn)

    async def read(self) -> None:
        """Wait for acceptances and withdrawals, and hand them on.

        Raises:
            ServiceError: the service was not reached, or does not tell.
            DiskError: the disk refuses.
        """
        cursor = await self._disk.run(lambda database: HeardAcceptances(database).cursor)
        after = f"after={quote(cursor, safe='')}&" if cursor else ""
        wait, self._settled = WAIT_SECONDS if self._settled else 0, False
        try:
            answer = await self._connection.ask("GET", f"/v1/acceptances?{after}wait={wait}", most=_LARGEST, wait=wait)
        except ServiceError as error:
            if cursor and error.status == _UNKNOWN_CURSOR:
                # The service's database is another one: all that it knows is told again.
                await self._disk.run(lambda database: HeardAcceptances(database).note((), (), ""))
            raise
        told = _read(answer.body)

        def note(database: sqlite3.Connection) -> None:
            HeardAcceptances(database).note(told.accepted, told.withdrawn, told.cursor)

        if told.accepted or told.withdrawn or told.cursor != cursor:
            await self._disk.run(note)
        self.taken += len(told.accepted)
        await self._hand_on(told.accepted, told.withdrawn)
        self._settled = True
        await asyncio.sleep(LEAST_SECONDS)

    async def _hand_on(self, accepted: Sequence[Acceptance], withdrawn: Sequence[Candidate]) -> None:
        for gone in batched(withdrawn, _AT_ONCE):
            self._sink.withdraw(gone)
            await asyncio.sleep(_PAUSE_SECONDS)
        for some in batched(accepted, _AT_ONCE):
            self._sink.accept(some)
            await asyncio.sleep(_PAUSE_SECONDS)


def _read(body: bytes) -> Acceptances:
    try:
        told = msgspec.json.decode(body, type=Acceptances)
    except msgspec.MsgspecError as error:
        raise AnswerError(f"the acceptances cannot be read: {error}") from error
    candidates = [*(each.candidate for each in told.accepted), *told.withdrawn]
    if (
        len(told.cursor) > _LONGEST_CURSOR
        or not all(map(_is_sound, candidates))
        or any(each.time < 0 for each in told.accepted)
    ):
        raise AnswerError("the acceptances have an entry that is none")
    return told


def _is_sound(candidate: Candidate) -> bool:
    try:
        check_candidate(candidate)
    except BadContribution:
        return False
    return True
