"""The model of one service type as a place knows it: what it learnt itself, and what others told it (ADR 0020).

Both are kept apart, and scoring reads their sum. What others told never becomes part of what is told to others: else it
would come back to them, and be counted again and again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from models.communication_model import CommunicationModel
from models.contributions import Contributions
from models.descriptor import Descriptor
from models.exchange.shared import Others, Shared
from models.relationship import Key, Relationship

_VERSION = 12
"""Characters of a version that are shown: the chance that two of a million differ only in the others is 1 in 500."""


class Federated:
    """One service type. What is told of others replaces what was told before, to the last digit."""

    __slots__ = ("model", "others", "own")

    def __init__(self, service_type: str) -> None:
        """Start with nothing known."""
        self.own = Contributions(service_type)
        self.others: Others | None = None
        self.model = self.own.total
        """The sum that is scored. To be read only; it goes on changing."""

    def fold(self, site: str, descriptors: Iterable[Descriptor]) -> None:
        """Learn what instances of an own site did.

        Raises:
            ValueError: as `Contributions.fold`.
        """
        taken = self.own.fold(site, descriptors)
        if self.others is not None:
            self.model.absorb(taken)

    def adopt(self, others: Others | None) -> None:
        """Take over what others know; None forgets it. What was given is kept, and never changed.

        Raises:
            ValueError: a model is of another service type; nothing was changed.
        """
        parts = [None, None] if others is None else [_told(others.site), _told(others.elsewhere)]
        told = [each.model for each in parts if each is not None]
        for model in told:
            self.own.total.check_type(model.service_type)
        if not told:
            self.others, self.model = None, self.own.total
            return
        self.others = Others(site=parts[0], elsewhere=parts[1])
        # Adding is exact, so the sum is made anew as well as what was told before could be taken out of it.
        self.model = CommunicationModel(service_type=self.own.total.service_type)
        for model in (self.own.total, *told):
            self.model.absorb(model)

    @property
    def adopted_only(self) -> bool:
        """Whether nothing of it was learnt here."""
        return not self.own.total.weight

    @property
    def witnessed(self) -> Sequence[CommunicationModel]:
        """What was seen on the own site, here and by its other nodes: their times are no other site's word."""
        site = None if self.others is None else self.others.site
        return (self.own.total,) if site is None else (self.own.total, site.model)

    def seen(self, key: Key) -> Iterator[Relationship]:
        """Yield what was seen of a joint relationship on the own site."""
        return (model.relationships[key] for model in self.witnessed if key in model.relationships)

    @property
    def sites(self) -> int:
        """Sites where the type lives. All nodes of the own site are one."""
        others = self.others
        if others is None:
            return self.own.origins
        here = self.own.origins or int(others.site is not None)
        return here + self.elsewhere

    @property
    def elsewhere(self) -> int:
        """Other sites where the type lives."""
        return 0 if self.others is None or self.others.elsewhere is None else self.others.elsewhere.origins

    @property
    def supporters(self) -> Mapping[Key, int]:
        """How many sites show each joint relationship; to be read before anything changes."""
        others = self.others
        if others is None:
            return self.own.supporters
        found = {} if others.elsewhere is None else dict(others.elsewhere.supporters)
        own = self.own.supporters
        for key, count in own.items():
            found[key] = found.get(key, 0) + count
        for key in () if others.site is None else others.site.model.relationships:
            if key not in own:
                found[key] = found.get(key, 0) + 1
        return found

    def version(self, origin: str) -> str:
        """Return what identifies the state of this model: how much was learnt here, and which sums were adopted."""
        # Every descriptor adds to the weight, so the weight tells the states of one origin's model apart.
        version = f"{origin}:{self.own.total.weight}"
        if self.others is None:
            return version
        if self.others.site is not None:
            version += f"+site:{self.others.site.version[:_VERSION]}"
        if self.others.elsewhere is not None:
            version += f"+elsewhere:{self.others.elsewhere.version[:_VERSION]}"
        return version


def _told(part: Shared | None) -> Shared | None:
    """Return a sum if anybody contributed to it."""
    return part if part is not None and part.origins else None
