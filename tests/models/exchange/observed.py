"""Models that origins can have learnt, with every field in use, and what they are sent as."""

from __future__ import annotations

import random
from collections.abc import Iterable

from hypothesis import strategies as st

from models.candidates import Candidate, Sightings
from models.categorical import Counts
from models.clustering_feature import ClusteringFeature
from models.communication_model import CommunicationModel
from models.contributions import Contribution
from models.exchange.plausibility import AHEAD, EARLIEST
from models.exchange.showings import Showing
from models.periodicity import bin_of
from models.relationship import Key, Relationship
from models.values import read
from tests.models.accesses import MINUTE, START

NOW = START // MINUTE
"""Minutes since the epoch."""
READ = Key("/movementSensor", own=False, operation="get", data_type="/derived/boolean")
WRITE = Key("/light", own=True, operation="set", data_type="/basic/number")
KEYS = (READ, WRITE, READ._replace(operation="subscribe"), WRITE._replace(partner="", data_type=""))
VALUES = ("", "0", "-3.5", "1e6", "nan", "inf", "1e99", "open", "on", "{}", "x" * 70)


def summary(points: list[tuple[int, int]]) -> ClusteringFeature:
    feature = ClusteringFeature()
    for value, minute in points:
        feature.observe(value, minute)
    return feature


def _relationship(chance: random.Random) -> Relationship:
    """What a few minutes of some instances may leave."""
    accesses = [(chance.randrange(10**6), _minute(chance)) for _ in range(chance.randrange(4))]
    gaps: dict[int, ClusteringFeature] = {}
    for _ in range(chance.randrange(4)):
        gap = chance.choice((0, chance.randrange(100), chance.randrange(10**8)))
        gaps.setdefault(bin_of(gap), ClusteringFeature()).observe(gap, _minute(chance))
    written: dict[int, int] = {}
    for text in chance.choices(VALUES, k=chance.randrange(4)):
        written[read(text).category] = written.get(read(text).category, 0) + 1
    instances = chance.randrange(9)
    rooms = Counts()
    rooms.observe("same", chance.randint(0, instances))
    rooms.observe("other", chance.randint(0, instances))
    return Relationship(
        weight=chance.randint(1, 9),
        instances=instances,
        rooms=rooms,
        fast=summary(accesses),
        slow=summary([(2 * value, minute) for value, minute in accesses]),
        gaps=gaps,
        written=written,
        falls=chance.randint(0, sum(written.values())),
        before={chance.randrange(385): chance.randint(1, 9) for _ in range(chance.randrange(3))},
        newcomers=chance.randrange(3),
    )


def _minute(chance: random.Random) -> int:
    return chance.choice((EARLIEST, NOW, NOW + AHEAD, chance.randint(EARLIEST, NOW)))


def observed(seed: int) -> CommunicationModel:
    """What one origin may have learnt of lights."""
    chance = random.Random(seed)
    found = {key: _relationship(chance) for key in chance.sample(KEYS, k=chance.randrange(4))}
    return CommunicationModel(
        service_type="/light",
        weight=chance.randint(1, 40) + max((each.weight for each in found.values()), default=0),
        relationships=found,
        partners={
            partner: summary([(chance.randint(1, 256), _minute(chance))])
            for partner in chance.sample(("/movementSensor", "/lock", ""), k=chance.randrange(3))
        },
    )


def models() -> st.SearchStrategy[CommunicationModel]:
    """Any of them. Drawn from a seed: drawing each number by itself takes a hundred times as long."""
    return st.builds(observed, st.integers(0, 1 << 32))


def contributed(model: CommunicationModel, *, epoch: int = 1, sequence: int = 1) -> Contribution:
    return Contribution(epoch=epoch, sequence=sequence, model=model)


def shown_in(sightings: Iterable[tuple[Candidate, Sightings]], site: str, now: int) -> list[Showing]:
    """What is told of sightings, as they are counted where they were seen."""
    return [_showing(candidate, each, site, now) for candidate, each in sightings]


def _showing(candidate: Candidate, sightings: Sightings, site: str, now: int) -> Showing:
    last = sightings.last
    return Showing(
        candidate=candidate,
        recent=sightings.recent(site, last),
        persistent=sightings.instances(site, now) if candidate.key.own else sightings.persistent(site, now),
        onset=sightings.onsets[site],
        last=last,
    )
