"""A client as a whole: everything that it does for ever, what it says of itself, and what an operator can have it do.

Nothing here is waited for by whoever enforces, and nothing that fails here ends anything else.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from models.exchange.shared import Others
from proxy.federation.client import enrolment, names, outbox
from proxy.federation.client.acceptances import AcceptanceReader
from proxy.federation.client.activity import Activity
from proxy.federation.client.connection import Connection
from proxy.federation.client.credentials import Credentials, CredentialsError, stamp_of
from proxy.federation.client.database import Disk
from proxy.federation.client.ends import Sink, Source
from proxy.federation.client.outbox import Outbox
from proxy.federation.client.publisher import Publisher
from proxy.federation.client.reader import ModelReader, fitting
from proxy.federation.client.state import FederationStatus
from proxy.federation.client.versions import Versions

_CERTIFICATE_SECONDS = 30.0
"""Real time between two looks at the certificate's files."""
_LONGEST_PAUSE = 3600.0
"""Real time between two renewals, s; a quarter of what is left of the certificate if that is less."""
_COUNT_SECONDS = 2.0

log = structlog.get_logger("alleyes")


@dataclass(frozen=True)
class Counted:
    """What is in the outbox."""

    unsent: int = 0
    epoch: int = 0
    sequence: int = 0
    epochs: int = 1


class FederationLink:
    """An origin's link to one service. Make it, and have `forever` run on the event loop."""

    def __init__(
        self,
        *,
        service: str,
        credentials: Path,
        state: Path,
        source: Source,
        sink: Sink,
        real_now: Callable[[], float],
    ) -> None:
        """Touch nothing yet.

        Args:
            service: URL of the service.
            credentials: Directory with what enrolment wrote.
            state: Directory in which `federation.db` is kept.
            source: What is published.
            sink: Who is told of the others.
            real_now: Returns real time, s.
        """
        self._service = service
        self._directory = credentials
        self._sink = sink
        self._real_now = real_now
        self._disk = Disk(state, lambda database: outbox.begin(database, real_now()))
        self._connection = Connection(service)
        self._publisher = Publisher(source, self._disk, self._connection, real_now)
        self._models = ModelReader(source, sink, self._disk, self._connection, real_now)
        self._acceptances = AcceptanceReader(sink, self._disk, self._connection)
        self._known: Credentials | None = None
        self._former = ""
        self._renewed = -_LONGEST_PAUSE
        """Reading of the loop's clock at the last renewal."""
        self._admitted = asyncio.Event()
        self._counted = Counted()
        self._activities = [
            Activity(name, step, real_now)
            for name, step in (
                ("certificate", self._certify),
                ("publishing", self._when_admitted(self._publisher.publish)),
                ("candidates", self._when_admitted(self._publisher.show)),
                ("models", self._when_admitted(self._models.read)),
                ("acceptances", self._when_admitted(self._acceptances.read)),
                ("disk", self._count),
            )
        ]

    async def forever(self) -> None:
        """Do all of it until cancelled; nothing else ends it."""
        beginning = Activity("disk", self._begin, self._real_now)
        self._activities.append(beginning)
        try:
            wait = await beginning.once()
            while beginning.trouble is not None:
                await asyncio.sleep(wait)
                wait = await beginning.once()
            self._activities.remove(beginning)
            async with asyncio.TaskGroup() as group:
                for activity in self._activities:
                    group.create_task(activity.forever())
        finally:
            await self._connection.close()
            await self._disk.close()

    def status(self) -> FederationStatus:
        """Return the state of the federation, as it is seen from here."""
        known, counted = self._known, self._counted
        return FederationStatus(
            service=self._service,
            origin="" if known is None else known.origin,
            former=self._former,
            certificate_ends=0.0 if known is None else known.ends.timestamp(),
            heard=self._models.heard,
            published=self._publisher.published,
            waiting=counted.unsent,
            epoch=counted.epoch,
            sequence=counted.sequence,
            epochs=counted.epochs,
            contributions=self._publisher.contributions,
            showings=self._publisher.showings,
            acceptances=self._acceptances.taken,
            models=self._models.in_force,
            refused={**self._publisher.refused, **self._models.refused},
            cut=self._models.cut,
            troubles=[each.trouble for each in self._activities if each.trouble is not None],
        )

    async def pin(self, service_type: str, version: str, by: str) -> str:
        """Hold on to a version of a type: it is in force from now on, whatever the service tells; return its name.

        Raises:
            UnknownVersionError: it is not kept, or cannot be read any more.
            DiskError: the disk refuses; nothing was changed.
        """
        now = self._real_now()

        def pin(database: sqlite3.Connection) -> tuple[str, Others]:
            versions = Versions(database)
            name = versions.pin(service_type, version, by, now)
            return name, fitting(versions.others(service_type, name))[0]

        name, others = await self._disk.run(pin)
        self._sink.adopt(service_type, others)
        await self._models.look()
        return name

    async def unpin(self, service_type: str) -> str:
        """Go on with the newest version of a type; return its name, empty where the service has none any more.

        Raises:
            UnknownVersionError: nothing is pinned, or the newest version cannot be read any more.
            DiskError: the disk refuses; nothing was changed.
        """

        def unpin(database: sqlite3.Connection) -> tuple[str, Others | None]:
            versions = Versions(database)
            name = versions.unpin(service_type)
            return (name, fitting(versions.others(service_type, name))[0]) if name is not None else ("", None)

        name, others = await self._disk.run(unpin)
        self._sink.adopt(service_type, others)
        await self._models.look()
        return name

    async def _begin(self) -> None:
        """Put in force what was before the restart."""
        await self._models.begin()
        await self._acceptances.begin()

    def _when_admitted(self, step: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        async def admitted() -> None:
            await self._admitted.wait()
            await step()

        return admitted

    async def _certify(self) -> None:
        """Read the certificate when its files change, and have it renewed in time.

        Raises:
            CredentialsError: there is none, or none that is good.
            ServiceError: it is not renewed.
        """
        known = self._known
        if known is None or await self._disk.call(stamp_of, self._directory) != known.stamp:
            known = await self._disk.call(Credentials.read, self._directory)
            await self._note_name(known.origin)
            self._known = known
            await self._connection.use(known.context)
            self._admitted.set()
        now = datetime.fromtimestamp(self._real_now(), UTC)
        if now >= known.ends:
            raise CredentialsError(
                f"the certificate of {known.origin} expired on {known.ends:%Y-%m-%d} -- enrol with a new token:"
                " alleyes federation enroll"
            )
        # One that is due as soon as it is issued, as a hostile service may issue them, must not make this a loop.
        pause = min(_LONGEST_PAUSE, (known.ends - now).total_seconds() / 4)
        if now >= known.renewal and asyncio.get_running_loop().time() - self._renewed >= pause:
            await enrolment.renew(self._connection, self._directory, self._disk.call)
            self._renewed = asyncio.get_running_loop().time()
            log.info("federation", detail="the certificate was renewed", origin=known.origin)
        await asyncio.sleep(_CERTIFICATE_SECONDS)

    async def _note_name(self, origin: str) -> None:
        """Remember by which name the service knows what was learnt here, and warn where that was another one.

        Raises:
            DiskError: the disk refuses.
        """
        now = self._real_now()
        changed, former = await self._disk.run(lambda database: names.note(database, self._service, origin, now))
        self._former = former
        if changed:
            log.warning("federation", detail=f"enrolled as {origin}, before as {former}: {names.remedy(former)}")

    async def _count(self) -> None:
        def counted(database: sqlite3.Connection) -> Counted:
            found = Outbox(database)
            return Counted(found.unsent(), found.epoch, found.sequence, found.epochs)

        self._counted = await self._disk.run(counted)
        await asyncio.sleep(_COUNT_SECONDS)
