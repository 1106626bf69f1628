"""What all origins of a service contributed to the model of one service type, and the sum of it.

A service has many origins, so of each only bytes are kept. What counts of an origin is a pure function of what it
contributed (`counted`), and adding and taking out are exact; so the sum depends on who contributed what, and on nothing
else: not on the order in which it came, on what came twice, late, or was taken out again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import NamedTuple

import msgspec

from models import tally
from models.categorical import Counts
from models.clustering_feature import ClusteringFeature
from models.communication_model import MAX_KEYS, CommunicationModel
from models.contributions import CAP, Contribution
from models.exchange.ranking import Ranking
from models.exchange.shared import MOST_ENTRIES, MOST_RELATIONSHIPS, Shared
from models.relationship import Key, Relationship, exchange
from models.wire import decode_happened, encode_model, happened

MAX_ORIGINS = 1 << 20
"""Origins of one service type. Beyond, a new one is refused."""
VOICES = 64
"""Instances of one origin that count in where a type does what: they are not scaled with its weight."""
PACE = 64
"""Accesses per instance-minute up to which they count in how often a type does what: one a second, and some."""
_MODULUS = 1 << 2048
"""Sums of hashes are taken modulo this. Who may choose the summands finds another set with the same sum of 128 bits in
moments (Wagner, 2002), of so many not."""


class _Held(NamedTuple):
    epoch: int
    sequence: int
    weight: int
    data: bytes
    """What else counts of it (`models.wire.happened`): apart, as where nothing happened only the weight grows."""
    digest: bytes
    """Of the bytes in which it came."""


class Pool:
    """The origins of one service type at a service."""

    def __init__(self, service_type: str, *, cap: int = CAP) -> None:
        """Start with no origin.

        Args:
            service_type: Of all models.
            cap: Instance-minutes up to which one origin's word counts.
        """
        self.total = CommunicationModel(service_type=service_type)
        """The sum of what counts of all. To be read only."""
        self._cap = cap
        self._held: dict[str, _Held] = {}
        self._supporters: dict[Key, int] = {}
        self._ranking = Ranking(self.total.relationships.keys(), self._rank)
        self._sum = 0

    @property
    def origins(self) -> int:
        """Number of origins."""
        return len(self._held)

    @property
    def names(self) -> Collection[str]:
        """Who they are."""
        return self._held.keys()

    @property
    def supporters(self) -> dict[Key, int]:
        """How many origins show each joint relationship. To be read only."""
        return self._supporters

    def stamp(self, origin: str) -> tuple[int, int] | None:
        """Return the epoch and the sequence of what an origin contributed; None where it did not."""
        held = self._held.get(origin)
        return None if held is None else (held.epoch, held.sequence)

    def digest(self, origin: str) -> bytes | None:
        """Return what `put` was told of the bytes in which an origin's contribution came; None where it did not."""
        held = self._held.get(origin)
        return None if held is None else held.digest

    def size(self, origin: str) -> int:
        """Return how many bytes are kept of what an origin contributed: 0 where it did not."""
        held = self._held.get(origin)
        return 0 if held is None else len(held.data)

    @property
    def first(self) -> str | None:
        """The origin that is here for longest; None where there is none."""
        return next(iter(self._held), None)

    def put(self, origin: str, contribution: Contribution, digest: bytes = b"", data: bytes | None = None) -> bool:
        """Replace what an origin contributed by its newest cumulative state.

        Args:
            origin: Who contributes.
            contribution: The state, checked (`envelope.decode_contribution`). It is not kept.
            digest: Of the bytes in which it came, kept for `digest`.
            data: The bytes of its model (`envelope.model_of`), so that it need not be written again; None: it came in
                none.

        Returns:
            Whether it was news: false for what arrived before, or late.

        Raises:
            ValueError: the model is of another service type, or there are too many origins; nothing was changed.
        """
        held = self._held.get(origin)
        epoch, sequence = contribution.epoch, contribution.sequence
        if held is not None and (epoch, sequence) <= (held.epoch, held.sequence):
            return False
        self.total.check_type(contribution.model.service_type)
        if held is None and len(self._held) >= MAX_ORIGINS:
            raise ValueError(f"there are {MAX_ORIGINS} origins already; remove some that are gone")
        model = contribution.model
        if data is None or not _counts_whole(model, self._cap):
            model = counted(model, self._cap)
            data = encode_model(model)
        known = happened(data)
        if held is None or known != held.data:
            self._exchange(self._nothing() if held is None else self._own(held), model)
        self.total.weight += model.weight - (0 if held is None else held.weight)
        self._sum += _hash(origin, epoch, sequence) - (0 if held is None else _hash(origin, held.epoch, held.sequence))
        self._sum %= _MODULUS
        self._held[origin] = _Held(epoch, sequence, model.weight, known, digest)
        return True

    def remove(self, origin: str) -> None:
        """Take out all that an origin contributed.

        Raises:
            KeyError: there is no such origin.
        """
        held = self._held.pop(origin)
        self._exchange(self._own(held), self._nothing())
        self.total.weight -= held.weight
        self._sum = (self._sum - _hash(origin, held.epoch, held.sequence)) % _MODULUS

    def version(self, without: str | None = None) -> str:
        """Return the version of the sum without an origin's own, as `without` has it, at once."""
        held = None if without is None else self._held.get(without)
        rest = self._sum if held is None or without is None else self._sum - _hash(without, held.epoch, held.sequence)
        return hashlib.blake2b((rest % _MODULUS).to_bytes(256), digest_size=16, person=b"alleyes version").hexdigest()

    def without(self, origin: str | None) -> Shared:
        """Return the sum of all others: what an origin is told, as it never gets its own contribution back.

        Of a sum that hostile origins made large a part is told, the same by whoever has the same contributions: the
        relationships that most origins show, of those what was seen most (`MOST_RELATIONSHIPS`, `MOST_ENTRIES`).
        Nothing of the sum itself is forgotten: once those are taken out, the rest is told again.

        Args:
            origin: Who is told; None, or who contributed nothing, is told all.
        """
        held = None if origin is None else self._held.get(origin)
        own = self._nothing() if held is None else self._own(held)
        rest = CommunicationModel(
            service_type=self.total.service_type, weight=self.total.weight - (0 if held is None else held.weight)
        )
        supporters = self._supporters_without(own)
        left = MOST_ENTRIES
        for key in supporters:
            relationship, mine = self.total.relationships[key], own.relationships.get(key)
            if mine is not None:
                relationship = _copy(relationship)
                relationship.release(mine)
            # One that is too large leaves its room to those after it.
            if (entries := relationship.entries) <= left:
                left -= entries
                rest.relationships[key] = _copy(relationship) if mine is None else relationship
        rest.partners = self._partners_without(own, rest)
        return Shared(
            version=self.version(origin),
            origins=self.origins - (held is not None),
            supporters={key: supporters[key] for key in rest.relationships},
            model=rest,
        )

    def _rank(self, key: Key) -> tuple[int, int, Key]:
        return self._supporters[key], self.total.relationships[key].weight, key

    def _supporters_without(self, own: CommunicationModel) -> dict[Key, int]:
        """Return how many others show the relationships that are told, those first that come first."""
        ranks = []
        # To take the own part out only lowers ranks: none behind so many that have no own part comes before them.
        for key in self._ranking.first(MOST_RELATIONSHIPS + len(own.relationships)):
            rank = self._rank(key)
            if (mine := own.relationships.get(key)) is None:
                ranks.append(rank)
            elif rank[0] > 1:
                ranks.append((rank[0] - 1, rank[1] - mine.weight, key))
        ranks.sort(reverse=True)
        return {key: count for count, _, key in ranks[:MOST_RELATIONSHIPS]}

    def _partners_without(self, own: CommunicationModel, rest: CommunicationModel) -> dict[str, ClusteringFeature]:
        """Return what others know of partner types: of all, or of those of the relationships that are told."""
        partners = self.total.partners
        gone = {name for name, mine in own.partners.items() if mine.n == partners[name].n}
        names = partners.keys() - gone if gone else partners.keys()
        if len(partners) - len(gone) > MOST_RELATIONSHIPS:
            names = {key.partner for key in rest.relationships} & names
        nothing = ClusteringFeature()
        return {name: partners[name] - own.partners.get(name, nothing) for name in sorted(names)}

    def _nothing(self) -> CommunicationModel:
        return CommunicationModel(service_type=self.total.service_type)

    def _own(self, held: _Held) -> CommunicationModel:
        """Return what counts of an origin, but for its weight."""
        return decode_happened(self.total.service_type, held.data)

    def _exchange(self, before: CommunicationModel, after: CommunicationModel) -> None:
        """Put what counts of an origin in the place of what counted before: in most minutes little of it changes."""
        relationships, supporters = self.total.relationships, self._supporters
        changed = []
        for key, relationship in after.relationships.items():
            old = before.relationships.pop(key, None)
            if old == relationship:
                continue
            changed.append(key)
            if old is not None:
                relationships[key].exchange(old, relationship)
                continue
            supporters[key] = supporters.get(key, 0) + 1
            if key not in relationships:
                relationships[key] = Relationship()
            relationships[key].absorb(relationship)
        for key, old in before.relationships.items():
            changed.append(key)
            supporters[key] -= 1
            if supporters[key]:
                relationships[key].exchange(old, Relationship())
            else:
                del supporters[key], relationships[key]
        exchange(self.total.partners, before.partners, after.partners)
        self._ranking.note(changed)


def counted(model: CommunicationModel, cap: int) -> CommunicationModel:
    """Return what of a contribution counts: no origin is to have a word that outweighs all others.

    Its instance-minutes are scaled down to `cap` (`CommunicationModel.capped`); then each relationship's instances to
    `VOICES`, and its accesses to `PACE` for each instance-minute in which it was shown.
    """
    capped = model.capped(cap)
    capped.relationships = {key: _moderate(each) for key, each in capped.relationships.items()}
    return capped


def _counts_whole(model: CommunicationModel, cap: int) -> bool:
    """Tell whether nothing of a model that was read from bytes is left out or scaled down (`counted`), as is usual."""
    return (
        model.weight <= cap
        and len(model.relationships) <= MAX_KEYS
        and len(model.partners) <= MAX_KEYS
        and all(
            each.instances <= VOICES and _accesses(each) <= PACE * each.weight for each in model.relationships.values()
        )
    )


def _accesses(each: Relationship) -> int:
    """Return how often it was seen, by the sum that says most."""
    return max(
        each.fast.n,
        each.slow.n,
        sum([gap.n for gap in each.gaps.values()]),
        sum(each.before.values()),
        sum(each.written.values()),
    )


def _copy(relationship: Relationship) -> Relationship:
    made = Relationship()
    made.absorb(relationship)
    return made


def _moderate(each: Relationship) -> Relationship:
    changes: dict[str, object] = {}
    if each.instances > VOICES:
        changes["instances"] = VOICES
        changes["rooms"] = Counts({room: -(-count * VOICES // each.instances) for room, count in each.rooms.items()})
    accesses = _accesses(each)
    part = PACE * each.weight
    if accesses > part:
        changes |= {
            "fast": each.fast.scaled(part, accesses),
            "slow": each.slow.scaled(part, accesses),
            "gaps": {index: gap.scaled(part, accesses) for index, gap in each.gaps.items()},
            "written": tally.scaled(each.written, part, accesses),
            "falls": each.falls * part // accesses,
            "before": tally.scaled(each.before, part, accesses),
        }
    return msgspec.structs.replace(each, **changes) if changes else each


def _hash(origin: str, epoch: int, sequence: int) -> int:
    return int.from_bytes(hashlib.shake_128(f"{origin}\0{epoch}\0{sequence}".encode()).digest(256))
