"""What both scorings have to obey: they run with any subset of the features, and names of instances mean nothing."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from itertools import chain, combinations

import msgspec
from hypothesis import strategies as st

from models.access import Access, Operation
from models.analyzer import Analyzer
from models.communication_model import CommunicationModel
from models.paper.analyzer import PaperAnalyzer
from models.paper.communication_model import CommunicationModel as PaperModel
from models.score import Score
from tests.models.accesses import MINUTE, START, access

FEATURES = ("source_type", "source_location", "destination_type", "destination_location", "data_type", "value")
"""What a middleware may not offer."""
SUBSETS = tuple(chain.from_iterable(combinations(FEATURES, size) for size in range(len(FEATURES) + 1)))
"""Of the features that are missing, from none to all."""
BLOCK = 7.0

INSTANCES = 8
TYPES = ("/light", "/movement", "/phone")
NAMES = st.lists(st.text("/abz09", min_size=1, max_size=4), min_size=INSTANCES, max_size=INSTANCES, unique=True)
"""Of instances. In whatever order: their own is as the numbers of the instances."""


def without(missing: tuple[str, ...], accesses: Iterable[Access]) -> list[Access]:
    """Take features from accesses."""
    return [msgspec.structs.replace(each, **dict.fromkeys(missing)) for each in accesses]


def usual(minutes: int) -> list[Access]:
    """A light that reads its movement sensor every 20 s, and sets itself once a minute."""
    found = []
    for beat in range(minutes * MINUTE // 20_000):
        time = START + 20_000 * beat
        found.append(access(time, rooms=("Kitchen", "Kitchen")))
        if beat % 3 == 0:
            own = access(
                time + 500,
                destination="/agent1/light1",
                destination_type="/light",
                operation=Operation.SET,
                data_type="/basic/number",
                rooms=("Kitchen", "Kitchen"),
            )
            found.append(msgspec.structs.replace(own, value=str(20 + beat % 7)))
    return found


def site(seed: int, minutes: int = 30) -> Iterator[Access]:
    """Instances of three types that read one another in loops, and now and then do something else."""
    rng = random.Random(seed)
    partners = [rng.randrange(INSTANCES) for _ in range(INSTANCES)]
    for beat in range(minutes):
        for index in rng.choices(range(INSTANCES), k=2 * INSTANCES):
            odd = rng.random() < 0.1
            other = rng.randrange(INSTANCES) if odd else partners[index]
            operation = rng.choice([Operation.GET, Operation.SET]) if odd else Operation.GET
            each = access(
                START + beat * MINUTE + rng.randrange(MINUTE),
                source=f"/{index}",
                source_type=TYPES[index % len(TYPES)],
                destination=f"/{other}",
                destination_type=TYPES[other % len(TYPES)],
                operation=operation,
                rooms=(f"room{index % 4}", f"room{other % 4}"),
            )
            yield msgspec.structs.replace(each, value=str(rng.randrange(9))) if operation is Operation.SET else each


def renamed(each: Access, names: list[str]) -> Access:
    """Give the instances of an access other names, in its node too."""
    source, destination = (f"/{names[int(address[1:])]}" for address in (each.source, each.destination))
    node = destination + each.node.removeprefix(each.destination)
    return msgspec.structs.replace(each, source=source, destination=destination, node=node)


def judged(
    kind: type[Analyzer | PaperAnalyzer], accesses: list[Access]
) -> tuple[list[Score], dict[str, CommunicationModel | PaperModel]]:
    """Return all scores, and the models in the end, of an analyzer that learns what it lets pass and restarts once."""
    analyzer = kind()
    scores = []
    for place, each in enumerate(accesses):
        if place == len(accesses) // 2:
            analyzer = kind.load(analyzer.dump())
        analyzer.advance(each.time)
        scores.append(analyzer.score(each))
        if scores[-1].av >= BLOCK:
            analyzer.refused(each, scores[-1], BLOCK)
        else:
            analyzer.learn(each)
    analyzer.advance(accesses[-1].time + MINUTE)
    return scores, dict(analyzer.models())
