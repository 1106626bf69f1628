"""A control server over a real socket, with quarantines that a test holds in its hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec

from proxy.control.client import ControlClient
from proxy.control.messages import NewPin, NewQuarantine, PinState, PolicyState, Quarantines, QuarantineState
from proxy.control.refusal import NotDone
from proxy.control.server import ControlServer
from tests.proxy.parts import status


def state(identity: str = "certificate:tv1", **changes: Any) -> QuarantineState:
    made = QuarantineState(
        identity=identity,
        address="/agent1/tv1",
        ip="192.0.2.9",
        reason="it calls home",
        verdict="",
        by="root (uid 0)",
        since=1_700_000_000.0,
        until=4_000_000_000.0,
        in_kernel=True,
    )
    return msgspec.structs.replace(made, **changes)


class Desk:
    """Quarantines that do not reach anybody."""

    def __init__(self) -> None:
        self.held: dict[str, QuarantineState] = {}
        self.asked: list[tuple[str, ...]] = []
        self.problem: Exception | None = None
        self.broken: list[str] = []
        self.policy_problems: list[str] = []
        self.federated = True

    def all(self) -> Quarantines:
        if self.problem is not None:
            raise self.problem
        return Quarantines(quarantines=list(self.held.values()), protected=["192.0.2.1/32"])

    def add(self, wanted: NewQuarantine, by: str) -> QuarantineState:
        self.asked.append(("add", wanted.sender, wanted.reason, str(wanted.seconds), by))
        if wanted.sender == "192.0.2.1":
            raise NotDone(403, "192.0.2.1 cannot be quarantined: it is the router", "leave it alone")
        made = self.held[wanted.sender] = state(wanted.sender, by=by, reason=wanted.reason)
        return made

    def delete(self, sender: str, by: str, why: str) -> QuarantineState:
        self.asked.append(("delete", sender, by, why))
        if sender not in self.held:
            raise NotDone(404, f"{sender} is not in quarantine", "look who is")
        return self.held.pop(sender)

    async def pin(self, wanted: NewPin, by: str) -> PinState:
        self.asked.append(("pin", wanted.service_type, wanted.version, by))
        if wanted.version == "none":
            raise NotDone(404, "there is no version none", "look at those that there are")
        return PinState(service_type=wanted.service_type, version=wanted.version, pinned=True)

    async def unpin(self, service_type: str, by: str) -> PinState:
        self.asked.append(("unpin", service_type, by))
        return PinState(service_type=service_type, version="elsewhere:2", pinned=False)

    async def reload(self, by: str) -> PolicyState:
        self.asked.append(("reload", by))
        if self.policy_problems:
            raise NotDone(409, "nothing was changed", "correct it", self.policy_problems)
        return PolicyState(revision="ac17ce3f2bec", mode="enforce")


@asynccontextmanager
async def serving(directory: Path, desk: Desk) -> AsyncIterator[ControlServer]:
    """Serve on the running event loop."""
    server = ControlServer(
        quarantines=desk,
        reload_policy=desk.reload,
        status=status,
        on_broken=lambda place, error: desk.broken.append(f"{place}: {error}"),
        federation=desk if desk.federated else None,
    )
    await server.open(directory)
    try:
        yield server
    finally:
        await server.close()


async def asked[Answer](directory: Path, question: Callable[[ControlClient], Answer]) -> Answer:
    """Put a question, as a command does, beside the event loop."""
    return await asyncio.to_thread(lambda: question(ControlClient(directory)))


@contextmanager
def served_in_a_thread(directory: Path, desk: Desk) -> Iterator[None]:
    """Serve for a test that is not asynchronous."""
    loop = asyncio.new_event_loop()
    opened: asyncio.Future[asyncio.Event] = asyncio.Future(loop=loop)

    async def serve() -> None:
        end = asyncio.Event()
        async with serving(directory, desk):
            opened.set_result(end)
            await end.wait()

    thread = Thread(target=loop.run_until_complete, args=[serve()])
    thread.start()
    end = asyncio.run_coroutine_threadsafe(asyncio.wait_for(opened, 10), loop).result(10)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join(10)
        loop.close()
