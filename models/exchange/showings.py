"""What of candidates leaves a node or a site: how many instances show what, never which ones.

Cumulative like everything that is exchanged: an origin tells all its open candidates each time, the newest telling
replaces those before.
"""

from __future__ import annotations

import msgspec

from models.candidates import Candidate


class Showing(msgspec.Struct, frozen=True, kw_only=True):
    """How one origin shows a candidate. Times are event time in ms."""

    candidate: Candidate
    recent: int
    """Instances that showed it within the last half hour before `last` (`candidates.WINDOW`)."""
    persistent: int
    """Instances that show it steadily or came back to it (`Sightings.persistent`); where it concerns nobody but
    themselves, all that showed it within a day (`Sightings.instances`)."""
    onset: int
    """From when on it was shown there, with no day of silence since."""
    last: int
    """Its newest sighting."""


class Showings(msgspec.Struct, frozen=True, kw_only=True):
    """All open candidates of one origin."""

    instances: dict[str, int]
    """Known instances, by the service types that live there."""
    open: list[Showing]


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate that enough sites vouched for: it is expected from now on, everywhere."""

    candidate: Candidate
    time: int
    """Event time, ms."""
