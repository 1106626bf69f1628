"""An origin that a test holds in its hand: what it learnt, what it was told, and the link in between."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from models.candidates import Candidate
from models.communication_model import CommunicationModel
from models.contributions import CAP
from models.exchange.pool import counted
from models.exchange.shared import Others
from models.exchange.showings import Acceptance, Showings
from proxy.clocks import real_now
from proxy.federation.client.connection import Connection
from proxy.federation.client.credentials import Credentials
from proxy.federation.client.database import Disk
from proxy.federation.client.enrolment import enrol
from proxy.federation.client.link import FederationLink
from proxy.federation.client.outbox import begin
from tests.proxy.federation.client.hostile import Handler, serving
from tests.proxy.federation.client.hostile import Place as Authority
from tests.proxy.federation.service.learnt import learnt
from tests.proxy.federation.service.running import Place

LAMP = "/lightControler"


@dataclass
class Origin:
    """Source and sink of a link."""

    directory: Path
    scale: float = 600.0
    """Event time: a minute of it is a tenth of a second."""
    models: dict[str, CommunicationModel] = field(default_factory=dict)
    shown: Showings = field(default_factory=lambda: Showings(instances={}, open=[]))
    told: dict[str, Others | None] = field(default_factory=dict)
    accepted: list[Acceptance] = field(default_factory=list)
    withdrawn: list[Candidate] = field(default_factory=list)
    lost: dict[str, str] = field(default_factory=dict)
    """Pinned versions that cannot be read any more."""
    words: int = 0
    _began: float = field(default_factory=time.monotonic)
    _start: int = field(default_factory=lambda: time.time_ns() // 1_000_000)

    @property
    def credentials(self) -> Path:
        return self.directory / "federation"

    def learn(self, weight: int = 1, service_type: str = LAMP, partner: str = "/movementSensor") -> None:
        """Learn so many instance-minutes more."""
        model = self.models.setdefault(service_type, CommunicationModel(service_type=service_type))
        model.absorb(learnt(service_type, weight=weight, partner=partner).model)

    def now(self) -> int:
        return self._start + int((time.monotonic() - self._began) * 1000 * self.scale)

    def contributions(self) -> Iterable[CommunicationModel]:
        return iter(self.models.values())

    def showings(self) -> Showings:
        return self.shown

    def adopt(self, service_type: str, others: Others | None) -> None:
        self.told[service_type] = others

    def accept(self, acceptances: Sequence[Acceptance]) -> None:
        self.accepted += acceptances

    def withdraw(self, candidates: Sequence[Candidate]) -> None:
        self.withdrawn += candidates

    def unpinned(self, service_type: str, version: str) -> None:
        self.lost[service_type] = version

    def heard(self) -> None:
        self.words += 1

    def elsewhere(self, service_type: str = LAMP) -> CommunicationModel | None:
        """What other sites know of a type, as this one was told."""
        others = self.told.get(service_type)
        return None if others is None or others.elsewhere is None else others.elsewhere.model

    def counted(self, service_type: str) -> CommunicationModel:
        """What of the own model counts elsewhere."""
        return counted(self.models[service_type], CAP)

    def link(self, service: str, *, now: Callable[[], float] = real_now) -> FederationLink:
        return FederationLink(
            service=service,
            credentials=self.credentials,
            state=self.directory,
            source=self,
            sink=self,
            real_now=now,
        )


def url(place: Place) -> str:
    return f"https://127.0.0.1:{place.port}"


def enrolled(place: Place, directory: Path, name: str) -> Origin:
    """An origin with a certificate of a service that runs."""
    directory.mkdir(parents=True)
    origin = Origin(directory)
    asyncio.run(enrol(url(place), place.invite(name), origin.credentials))
    return origin


@contextlib.asynccontextmanager
async def linked(*links: FederationLink) -> AsyncIterator[None]:
    """Have links work meanwhile."""
    tasks = [asyncio.create_task(each.forever()) for each in links]
    try:
        yield
        for task in tasks:
            assert not task.done(), task.exception()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass
class Bench:
    """The parts of a link, with a server that answers as a test has it."""

    origin: Origin
    disk: Disk
    connection: Connection


@contextlib.asynccontextmanager
async def bench(directory: Path, handler: Handler) -> AsyncIterator[Bench]:
    """Connect an origin with a server."""
    place = Authority(directory / "authority")
    origin = Origin(directory / "origin")
    place.origin(origin.credentials)
    disk = Disk(origin.directory, lambda database: begin(database, real_now()))
    async with serving(place.context(), handler) as service:
        connection = Connection(service, Credentials.read(origin.credentials).context)
        try:
            yield Bench(origin, disk, connection)
        finally:
            await connection.close()
            await disk.close()
