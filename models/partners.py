"""Whom an instance works with: who has settled with its partners hardly ever turns to another one.

Table II of the paper has the number of partners. A number is exceeded only after some accesses; here the first access
to a stranger counts. Which partners those are stays on the node; a model only holds how often settled instances took
a new one.
"""

from __future__ import annotations

import msgspec

MAX_CIRCLES = 64
"""Partner types per instance whose partners are remembered."""
MAX_MEMBERS = 128
"""Partners of one type that are remembered. Who has more, as a scanner has, or a broker, never settles."""
ROUNDS = 10
"""Accesses per partner without a new one after which an instance may have settled: ten turns to each."""
QUIET = 30 * 60_000
"""Event time, ms, without a new partner after which an instance may have settled."""
FRESH = 60 * 60_000
"""Event time, ms, for which a partner that appeared later than the others may be taken in: it was just installed."""
MOST = 25.0
"""Where the term ends."""
SURE = 32
"""Scale of the novelty: a stranger reaches 7 where less than one minute in 224 brought a settled instance one."""


class Circle(msgspec.Struct, array_like=True):
    """The partners of one type that an instance works with."""

    since: int
    """Event time (ms) of the newest member's first access."""
    members: set[str] = msgspec.field(default_factory=set)
    """Addresses. They stay on the node."""
    turns: int = 0
    """Accesses since the newest member came."""

    def settled(self, time: int) -> bool:
        """Whether no new member came for long enough; event time in ms."""
        count = len(self.members)
        return count < MAX_MEMBERS and self.turns >= ROUNDS * count and time - self.since >= QUIET

    def awaits(self, appeared: int, time: int) -> bool:
        """Whether a partner that was first heard of at `appeared` is one that just came to the site (ms)."""
        return appeared > self.since and time - appeared <= FRESH

    def meet(self, partner: str, time: int) -> bool:
        """Take in an access to a partner.

        Returns:
            Whether it is a newcomer to those who had settled.
        """
        if partner in self.members:
            self.turns += 1
            return False
        settled = self.settled(time)
        if len(self.members) < MAX_MEMBERS:
            self.members.add(partner)
        self.since, self.turns = time, 0
        return settled


def support_of_newcomer(minutes: int, newcomers: int) -> float:
    """Return how unusual a new partner is, 0 to 25, from the minutes observed and the newcomers in them."""
    return min(MOST, (minutes + 2) / (newcomers + 1) / SURE)
