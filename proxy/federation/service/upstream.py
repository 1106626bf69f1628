"""A site's service towards the level above: it speaks for its nodes there, and passes on to them what it is told.

It goes on without that level: its nodes share what they know as before, keep what was last told of other sites, and
after `WINDOW` of event time without a word from above they decide on candidates as a site that is alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

import structlog

from models.candidates import WINDOW, Candidate
from models.communication_model import CommunicationModel
from models.exchange.shared import Others
from models.exchange.showings import Acceptance, Showings
from proxy.clocks import EventClock
from proxy.federation.client.link import FederationLink
from proxy.federation.client.state import FederationStatus
from proxy.federation.configuration import FederationDocument
from proxy.federation.service.deciding import Decisions
from proxy.federation.service.feed import Feed
from proxy.federation.service.pools import Pools
from proxy.storage.ownership import make_directory

DIRECTORY = "upstream"
"""In the state directory: what the link to the level above keeps."""

log = structlog.get_logger("alleyes")


class Ends:
    """What the link publishes, and who adopts what it hears (`proxy.federation.client.ends`)."""

    def __init__(self, pools: Pools, clock: EventClock) -> None:
        """Begin as if the level above had just been heard: it is given time to be reached."""
        self._pools = pools
        self._clock = clock
        self.told: asyncio.Queue[tuple[Sequence[Acceptance], Sequence[Candidate]]] = asyncio.Queue()
        """What the level above accepted, and what it took back, which is still to be stored."""
        self._heard = clock.now()
        self._known = False

    def now(self) -> int:
        """Return event time, ms."""
        return self._clock.now()

    def contributions(self) -> Iterable[CommunicationModel]:
        """Yield the sums of the site, of each service type that a node ever contributed to; the level above caps them.

        A sum may be empty, since all its nodes were taken out: it takes the place of what was told above before.
        """
        return [pool.without(None).model for pool in self._pools.totals()]

    def showings(self) -> Showings:
        """Return what the nodes show together."""
        return self._pools.ballot.summary(self._clock.now())

    def adopt(self, service_type: str, others: Others | None) -> None:
        """Tell the nodes this of the other sites from now on."""
        self._pools.adopt(service_type, None if others is None else others.elsewhere)

    def accept(self, acceptances: Sequence[Acceptance]) -> None:
        """Have them stored, from where the nodes are told."""
        self.told.put_nowait((acceptances, ()))

    def withdraw(self, candidates: Sequence[Candidate]) -> None:
        """Have it stored, from where the nodes are told. What their own site accepted as well still holds for them."""
        self.told.put_nowait(((), candidates))

    def unpinned(self, service_type: str, version: str) -> None:
        """Tell that a version that somebody had pinned cannot be read by this release."""
        detail = f"version {version} cannot be read by this release: it is no longer pinned, and the newest is used"
        log.warning("federation", service_type=service_type, detail=detail)

    def heard(self) -> None:
        """Note that the level above can be asked about candidates."""
        self._heard = self._clock.now()
        self._known = True

    @property
    def silent(self) -> bool:
        """Whether it was not heard for so long that nobody waits for it any more."""
        return self._clock.now() - self._heard > WINDOW

    def decides(self, service_type: str) -> bool:
        """Tell whether the level above decides about a service type: where other sites have it, while it is heard.

        Until it is heard for the first time it is not known where else a type lives.
        """
        return not self.silent and (not self._known or self._pools.lives_elsewhere(service_type))


class Upstream:
    """The link to the level above; of a service without one there is none."""

    def __init__(
        self,
        document: FederationDocument,
        pools: Pools,
        feed: Feed,
        clock: EventClock,
        real_now: Callable[[], float],
    ) -> None:
        """Touch nothing yet."""
        wanted = document.upstream
        self._feed = feed
        self._state = document.state_directory / DIRECTORY
        self.ends = Ends(pools, clock)
        self._link = None
        if wanted is not None:
            self._link = FederationLink(
                service=wanted.service,
                credentials=wanted.directory,
                state=self._state,
                source=self.ends,
                sink=self.ends,
                real_now=real_now,
            )

    def status(self) -> FederationStatus | None:
        """Return how the link stands; None where there is none."""
        return None if self._link is None else self._link.status()

    def decides(self, service_type: str) -> bool:
        """Tell whether the level above decides about the candidates of a service type, and not this service."""
        return self._link is not None and self.ends.decides(service_type)

    async def keep(self, decisions: Decisions) -> None:
        """Keep in touch until cancelled; nothing that fails there ends it.

        Raises:
            OSError: the state directory cannot be written.
        """
        if self._link is None:
            return
        make_directory(self._state)
        # What is published before all contributions are in the sums would take the place of more.
        await self._feed.loaded.wait()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._link.forever())
            group.create_task(self._store(decisions))

    async def _store(self, decisions: Decisions) -> None:
        while True:
            await decisions.hear(*await self.ends.told.get())
