"""Who contributed what to a communication model, and the sum of it (paper, sections II-A and II-E).

A sum alone cannot heal: what one subverted site taught would weigh for ever. So the states of the origins are kept
beside their sum. All are integers over fixed keys: adding is exact, taking out what an origin said before is the
identity, and a report that arrives twice counts once. A service of a federation, which has many more origins, keeps
them in a `models.exchange.pool.Pool`.

Caps apply per origin before adding (`CommunicationModel.capped`), so what is known does not depend on who came first.
Memory is bounded all the same: at most `MAX_ORIGINS` origins with `MAX_KEYS` joint relationships and as many partner
types each; the sum holds no more than they do together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from models.candidates import QUORUM
from models.communication_model import CommunicationModel, together
from models.descriptor import Descriptor
from models.relationship import Key

CAP = 100_000
"""Instance-minutes up to which one origin's word counts: beyond, its sums are scaled down before they are added.

About a week of ten instances. Larger sites know no better what is normal, and a subverted one must not outnumber all.
"""
STARTER = "starter"
"""Origin of what was learnt elsewhere and taken over as a whole: no site that could vouch for anything new, but what it
knows is as good as what two sites show."""
MAX_ORIGINS = 1024
"""Origins that are told apart; beyond, a new one is refused."""


class Contribution(msgspec.Struct, frozen=True, kw_only=True):
    """One origin's cumulative state for one service type."""

    epoch: int
    """Changes when the origin begins anew, with nothing."""
    sequence: int
    """Grows with each report of an epoch."""
    model: CommunicationModel


class Contributions:
    """The states of all origins for one service type, and their sum."""

    def __init__(self, service_type: str) -> None:
        """Start with no origin."""
        self.total = CommunicationModel(service_type=service_type)
        """The sum of all. To be read only."""
        self._by_origin: dict[str, Contribution] = {}
        self._supporters: dict[Key, int] = {}

    @property
    def origins(self) -> int:
        """Number of origins, a starter model apart."""
        return len(self._by_origin) - (STARTER in self._by_origin)

    @property
    def supporters(self) -> Mapping[Key, int]:
        """How many origins show each joint relationship."""
        return self._supporters

    def __iter__(self) -> Iterator[tuple[str, Contribution]]:
        return iter(self._by_origin.items())

    def of(self, origin: str) -> CommunicationModel | None:
        """Return the sum of what an origin contributed; None if it is none. To be read only; it goes on changing."""
        found = self._by_origin.get(origin)
        return None if found is None else found.model

    def fold(self, origin: str, descriptors: Iterable[Descriptor]) -> CommunicationModel:
        """Add descriptors of the origin's own instances.

        A full origin takes no new keys (`CommunicationModel.fitting`).

        Returns:
            What was added; it may share its parts with the descriptors.

        Raises:
            ValueError: one is of another service type, or there are too many origins; nothing was changed.
        """
        news = together(self.total.service_type, descriptors)
        contribution = self._by_origin.get(origin) or self._begin(origin)
        model = contribution.model
        taken = model.fitting(news)
        for key in taken.relationships.keys() - model.relationships.keys():
            self._supporters[key] = self._supporters.get(key, 0) + _voices(origin)
        model.absorb(taken)
        self.total.absorb(taken)
        return taken

    def put(self, origin: str, contribution: Contribution, *, cap: int = CAP) -> bool:
        """Replace what an origin contributed, by its newest cumulative state.

        Args:
            origin: Who reports.
            contribution: The state; taken over, not copied.
            cap: Instance-minutes above which it is scaled down; it also keeps at most `MAX_KEYS` keys
                (`CommunicationModel.capped`).

        Returns:
            Whether it was news: false for what arrived before, or late.

        Raises:
            ValueError: the model is of another service type, or there are too many origins; nothing was changed.
        """
        before = self._by_origin.get(origin)
        if before is not None and (contribution.epoch, contribution.sequence) <= (before.epoch, before.sequence):
            return False
        self.total.check_type(contribution.model.service_type)
        if before is None:
            self._check_room()
        capped = msgspec.structs.replace(contribution, model=contribution.model.capped(cap))
        if before is not None:
            self._take_out(before.model, _voices(origin))
        self.total.absorb(capped.model)
        self._by_origin[origin] = capped
        self._count(capped.model, _voices(origin))
        return True

    def _begin(self, origin: str) -> Contribution:
        self._check_room()
        model = CommunicationModel(service_type=self.total.service_type)
        contribution = self._by_origin[origin] = Contribution(epoch=0, sequence=0, model=model)
        return contribution

    def _check_room(self) -> None:
        if len(self._by_origin) >= MAX_ORIGINS:
            raise ValueError(f"there are {MAX_ORIGINS} origins already; remove some that are gone")

    def _take_out(self, model: CommunicationModel, voices: int) -> None:
        self.total.release(model)
        self._count(model, -voices)

    def _count(self, model: CommunicationModel, by: int) -> None:
        for key in model.relationships:
            count = self._supporters.get(key, 0) + by
            if count:
                self._supporters[key] = count
            else:
                del self._supporters[key]


def _voices(origin: str) -> int:
    """Return for how many sites an origin speaks."""
    return QUORUM if origin == STARTER else 1
