"""What a client is given by whom it serves: where contributions come from, and who adopts what others contributed.

Both are used from the event loop's thread. A gateway's node is both; so are the sums of a site's service.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from models.candidates import Candidate
from models.communication_model import CommunicationModel
from models.exchange.shared import Others
from models.exchange.showings import Acceptance, Showings


class Source(Protocol):
    """What an origin publishes."""

    def now(self) -> int:
        """Return event time, ms; publications keep its pace."""
        ...

    def contributions(self) -> Iterable[CommunicationModel]:
        """Yield the origin's own cumulative model of each service type. They may go on changing afterwards."""
        ...

    def showings(self) -> Showings:
        """Return all open candidates."""
        ...


class Sink(Protocol):
    """Who is told of the others."""

    def adopt(self, service_type: str, others: Others | None) -> None:
        """Use this instead of what was known of the others before; None: there is nothing any more."""
        ...

    def accept(self, acceptances: Sequence[Acceptance]) -> None:
        """Expect these candidates from now on. Some may have been told before."""
        ...

    def withdraw(self, candidates: Sequence[Candidate]) -> None:
        """Expect these no more, if others alone vouched for them. Some may have been told before, or not be known."""
        ...

    def unpinned(self, service_type: str, version: str) -> None:
        """Note that a pinned version cannot be read any more: the newest one is used from now on."""
        ...

    def heard(self) -> None:
        """Note that the federation was in reach just now, whether there was any news or not."""
        ...
