"""Live services: a behaviour at the wheel of a client, on scaled event time."""

from __future__ import annotations

import asyncio

from models.simulation.behaviour import Behaviour
from models.simulation.floorplan import Service
from models.simulation.step import Answer
from tests.site.calls import Tally, perform
from tests.site.clock import Clock
from tests.site.vsl_client import Invocation, Node, VslClient


class LiveService:
    """One service that lives until it is stopped."""

    def __init__(self, service: Service, behaviour: Behaviour, client: VslClient, clock: Clock) -> None:
        """Put it together; `start` brings it to life."""
        self.service = service
        self.tally = Tally()
        """Its own calls while it was healthy."""
        self.tally_compromised = Tally()
        """Its own calls since an attacker acts under its identity: they may suffer for it."""
        self.notifications = 0
        self._compromised = False
        self._behaviour = behaviour
        self._client = client
        self._clock = clock
        self._woken = asyncio.Event()
        self._life: asyncio.Task[None] | None = None

    @property
    def compromised(self) -> bool:
        """Whether an attacker acts under its identity."""
        return self._compromised

    def compromise(self) -> None:
        """Let it count as compromised from now on; its own behaviour goes on."""
        self._compromised = True

    def start(self) -> None:
        """Begin to live; needs a running event loop."""
        self._life = asyncio.create_task(self._live(), name=self.service.address)

    async def stop(self) -> None:
        """End at once; raises what ended it before, if anything did."""
        if self._life is not None:
            self._life.cancel()
            await asyncio.wait([self._life])
            if not self._life.cancelled() and (error := self._life.exception()) is not None:
                raise error
        await self._client.close()

    async def _live(self) -> None:
        while True:
            await self._wait()
            step = self._behaviour.take()
            outcome, value = await perform(self._client, step, self._on_callback)
            (self.tally_compromised if self._compromised else self.tally).count(outcome)
            self._behaviour.answer(Answer(self._clock.event_now(), value))

    async def _wait(self) -> None:
        """Return when a step is due; a notification may bring one forward."""
        while True:
            due = self._behaviour.due
            delay = None if due is None else self._clock.seconds_until(due)
            if delay is not None and delay <= 0:
                return
            self._woken.clear()
            try:
                async with asyncio.timeout(delay):
                    await self._woken.wait()
            except TimeoutError:
                continue

    def _on_callback(self, frame: Invocation) -> Node | None:
        if frame["invoke"] == "NOTIFY":
            self.notifications += 1
            self._behaviour.notified(frame["address"], self._clock.event_now())
            self._woken.set()
        return None
