"""What origins send: the states that a service type of simulated homes went through."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterator

import msgspec

from benchmarks.household import HOUR, START
from models.analyzer import Analyzer
from models.communication_model import CommunicationModel
from models.contributions import Contribution
from models.descriptor import MINUTE
from models.exchange.envelope import encode_contribution
from models.exchange.schema import SCHEMA
from models.simulation.floorplan import family_home
from models.simulation.trace import Trace

KEPT = 16
"""States of each home: the last ones that differ in more than minutes in which nothing happened."""


class States(msgspec.Struct, frozen=True):
    """Of one service type; of one home after the other, each from old to new."""

    service_type: str
    models: list[bytes]
    """What follows the stamp (`stamping.body`)."""


def states(homes: int, hours: float) -> States:
    """Simulate homes, and return states of the service type whose contributions are nearest to the mean in size."""
    found = [_states_of(seed, hours) for seed in range(1, homes + 1)]
    sizes = {name: len(each[-1]) for name, each in found[0].items()}
    mean = statistics.mean(sizes.values())
    service_type = min(sizes, key=lambda name: (abs(sizes[name] - mean), name))
    return States(service_type, [model for each in found for model in each.get(service_type, [])])


def _states_of(seed: int, hours: float) -> dict[str, list[bytes]]:
    analyzer = Analyzer()
    kept: dict[str, list[bytes]] = defaultdict(list)
    shown: dict[str, bytes] = {}
    for _ in _minutes(analyzer, Trace(family_home(), seed=seed, start=START), hours):
        for name, model in analyzer.models().items():
            happened = _model(msgspec.structs.replace(model, weight=0))
            if shown.get(name) != happened:
                shown[name] = happened
                kept[name] = [*kept[name][1 - KEPT :], _model(model)]
    return kept


def _minutes(analyzer: Analyzer, home: Trace, hours: float) -> Iterator[None]:
    """Let a home be observed; yield after each of the minutes that are looked at, which are the last quarter."""
    minutes = int(hours * HOUR) // MINUTE
    for minute in range(1, minutes + 1):
        for observed in home.until(START + minute * MINUTE):
            analyzer.advance(observed.access.time)
            analyzer.score(observed.access)
            analyzer.learn(observed.access)
        if minute > minutes * 3 // 4:
            yield


def _model(model: CommunicationModel) -> bytes:
    return encode_contribution(Contribution(epoch=0, sequence=0, model=model))[len(SCHEMA) + 2 :]
