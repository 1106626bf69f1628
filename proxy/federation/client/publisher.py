"""Tells the service what the origin learnt, once a minute of event time, and its candidates, at once.

What is told goes through the outbox: nothing leaves whose epoch and sequence are not on disk.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from functools import partial
from urllib.parse import quote

import msgspec

from models.contributions import Contribution
from models.exchange.envelope import BadContribution, encode_contribution
from models.exchange.showings import Showings
from models.wire import decode_model, encode_model
from proxy.federation.client.connection import Connection, ServiceError
from proxy.federation.client.database import Disk
from proxy.federation.client.ends import Source
from proxy.federation.client.outbox import Outbox, Outgoing, digest
from proxy.federation.client.pace import Pace
from proxy.federation.client.telling import presentable, told
from proxy.federation.messages import CONTRIBUTION, LARGEST_STAMP
from proxy.federation.topics import MODEL, SHOWINGS, model_topic, type_of

_BATCH = 16
"""States that are read from the disk at a time."""
_LOOK_SECONDS = 1.0
"""Real time between two looks at the candidates."""
_CALM_SECONDS = 10.0
"""Real time after which candidates are told again of which nothing changed but when they were seen last."""
_TAKEN = frozenset({200, 201, 204})
_STALE = 409
_REFUSED = frozenset({400, 413, 415, 422, 507})
_OTHER_SCHEMA = "schema"
"""Code of the problem that concerns all topics: the service means something else by the same integers."""
_MOST_REFUSED = 256
"""Topics whose refusal is remembered."""


class _Held(msgspec.Struct, frozen=True):
    """What a service says that it holds, where it refuses a state as old."""

    epoch: int | None = None
    sequence: int | None = None


class Publisher:
    """What an origin tells a service. For the event loop's thread; disks are waited for in another."""

    def __init__(
        self,
        source: Source,
        disk: Disk,
        connection: Connection,
        real_now: Callable[[], float],
    ) -> None:
        self._source = source
        self._disk = disk
        self._connection = connection
        self._real_now = real_now
        self._pace = Pace(source.now)
        self._collected: int | None = None
        """Minute in which the models were looked at last."""
        self._shown: object = None
        """What the candidates looked like that were put into the outbox last, apart from times."""
        self._shown_at = 0.0
        self._untold = True
        """Whether candidates may wait in the outbox."""
        self._stamps: dict[str, tuple[int, int]] = {}
        """Of each topic, the state that the service refused."""
        self.refused: dict[str, str] = {}
        """Why, by topic."""
        self.published = 0.0
        """Real time when the service last took something."""
        self.contributions = 0
        """Taken since the start."""
        self.showings = 0

    async def publish(self) -> None:
        """Tell what changed in the models, and wait for the next minute of event time.

        Raises:
            ServiceError: the service was not reached, or cannot take it now.
            DiskError: the disk refuses.
        """
        minute = self._pace.minute
        if minute != self._collected:
            await self._collect()
            self._collected = minute
        self.contributions += await self._send(MODEL)
        await self._pace.minute_after(minute)

    async def show(self) -> None:
        """Tell candidates that came, went or were shown by others, and wait a moment.

        Raises:
            ServiceError: the service was not reached, or cannot take it now.
            DiskError: the disk refuses.
        """
        showings = presentable(self._source.showings())
        look = _look(showings)
        now = asyncio.get_running_loop().time()
        if look != self._shown or now - self._shown_at >= _CALM_SECONDS:
            content = digest(msgspec.json.encode(showings))
            await self._disk.run(lambda database: Outbox(database).put(SHOWINGS, content, partial(told, showings)))
            self._shown, self._shown_at, self._untold = look, now, True
        if self._untold:
            self.showings += await self._send(SHOWINGS)
            self._untold = False
        await asyncio.sleep(_LOOK_SECONDS)

    async def _collect(self) -> None:
        """Put into the outbox what changed. The models go on changing meanwhile; their bytes do not."""
        states = {model_topic(model.service_type): encode_model(model) for model in self._source.contributions()}

        def put(database: sqlite3.Connection) -> dict[str, str]:
            outbox, unfit = Outbox(database), {}
            for topic, state in states.items():
                try:
                    outbox.put(topic, digest(state), partial(_contribution, state))
                except BadContribution as error:
                    unfit[topic] = f"is not told to others: {error}"
            outbox.keep_only(states)
            return unfit

        for topic, text in (await self._disk.run(put)).items():
            self._refuse(topic, text)

    async def _send(self, topics: str) -> int:
        """Send what waits, each state once; return how many the service took."""
        taken, after = 0, 0
        while batch := await self._waiting(topics, after):
            for each in batch:
                after = each.sequence
                if self._stamps.get(each.topic) != (each.epoch, each.sequence):
                    taken += await self._put(each)
        return taken

    async def _waiting(self, topics: str, after: int) -> list[Outgoing]:
        now = self._real_now()
        return await self._disk.run(lambda database: Outbox(database).waiting(now, topics, after, _BATCH))

    async def _put(self, state: Outgoing) -> bool:
        path, media = "/v1/candidates", "application/json"
        if (service_type := type_of(state.topic)) is not None:
            path, media = f"/v1/contributions/{quote(service_type, safe='')}", CONTRIBUTION
        try:
            answer = await self._connection.ask(
                "PUT", path, body=state.body, headers={"Content-Type": media}, expected=_TAKEN | {_STALE}
            )
        except ServiceError as error:
            if error.status not in _REFUSED or error.code == _OTHER_SCHEMA:
                raise
            # Others go on; this one is sent again once it has changed.
            self._stamps[state.topic] = state.epoch, state.sequence
            self._refuse(state.topic, str(error))
            return False
        if answer.status == _STALE:
            await self._begin_epoch(state, answer.body)
        now = self._real_now()
        await self._disk.run(lambda database: Outbox(database).taken(state, now))
        self.published = now
        self._stamps.pop(state.topic, None)
        self.refused.pop(state.topic, None)
        return True

    def _refuse(self, topic: str, text: str) -> None:
        if len(self.refused) >= _MOST_REFUSED and topic not in self.refused:
            gone = next(iter(self.refused))
            self.refused.pop(gone)
            self._stamps.pop(gone, None)
        self.refused[topic] = text

    async def _begin_epoch(self, state: Outgoing, body: bytes) -> None:
        """Begin anew after what the service holds.

        Raises:
            ServiceError: in any case, so that it does not go on without a pause if it is so again.
        """
        try:
            held = msgspec.json.decode(body, type=_Held)
        except msgspec.MsgspecError as error:
            raise ServiceError(
                f"the service refuses {state.topic} as old, and does not say what it holds: {error}"
            ) from error
        epoch, sequence = held.epoch, held.sequence
        if epoch is None or sequence is None or not 0 <= epoch < LARGEST_STAMP:
            raise ServiceError(f"the service refuses {state.topic} as old, and does not say what it holds")
        now = self._real_now()
        begun = await self._disk.run(lambda database: Outbox(database).begin_epoch(epoch, now))
        self._collected = self._shown = None
        raise ServiceError(
            f"the service holds {state.topic} of epoch {epoch}, sequence {sequence}, newer than {state.epoch},"
            f" {state.sequence} here: a backup was restored, or another machine has the same certificate. Epoch {begun}"
            " has begun, and all is told again"
        )


def _contribution(state: bytes, epoch: int, sequence: int) -> bytes:
    return encode_contribution(Contribution(epoch=epoch, sequence=sequence, model=decode_model(state)))


def _look(showings: Showings) -> object:
    """Return all that matters at once: who shows what, but not when it was seen last."""
    return showings.instances, {each.candidate: (each.recent, each.persistent, each.onset) for each in showings.open}
