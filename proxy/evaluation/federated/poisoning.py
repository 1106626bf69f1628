"""How many subverted sites it takes to make an attack normal at a site that is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from models.analyzer import Analyzer
from models.codec import decode, encode
from models.communication_model import CommunicationModel
from models.descriptor import MINUTE
from models.exchange.envelope import encode_others
from models.exchange.shared import Others, Shared
from models.simulation.scenario import START
from models.simulation.service_models import LIGHT_CONTROLLER
from models.simulation.sites import make_sites
from policy.document import ModeSetting
from policy.verdict import Action
from proxy.evaluation.federated.aggregation import AGGREGATIONS, Aggregation
from proxy.evaluation.federated.gateway import Gateway
from proxy.evaluation.federated.repetition import both, difference, repeated
from proxy.evaluation.federated.site import HOUR, LABEL, Site

NEW = "new relationship"
FLOOD = "flood"
FASTER = 5.0
"""Times the usual rate, of a flood."""
WATCHED = 10 * MINUTE
"""For which the attack comes to the honest site."""
NORMAL_BELOW = 0.5
"""An attack is normal where less than this share of its calls is refused."""


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How much is simulated."""

    counts: Sequence[int] = (4, 10, 30)
    """Sites, the honest one among them."""
    hours: float = 2.0
    """For which each has learnt; taken as what it does for `days`."""
    days: int = 14
    """For which every site has been at it: its contribution is that of the simulated hours, again and again."""


class Adversary(msgspec.Struct, frozen=True):
    """What subverted sites contribute beside their honest models, or instead."""

    name: str
    text: str


INFLATED = 1000
TAUGHT = Adversary("taught for an hour", "also the attack, for an hour")
PATIENT = Adversary("taught for a day", "also the attack, for a day")
LOUD = Adversary("said to be large", f"the same as after a day, and say that all of it was {INFLATED:,} times as much")
LYING = Adversary("nothing but lies", "nothing but the attack, for a million hours")
ADVERSARIES: Sequence[Adversary] = (TAUGHT, PATIENT, LOUD, LYING)


class Curve(msgspec.Struct, kw_only=True):
    """What became of one attack, by the number of subverted sites."""

    attack: str
    adversary: str
    aggregation: str
    sites: int
    refused: list[float]
    """Share of the attack's calls that the honest site refused, by the number of subverted sites from 0 on."""
    needed: int | None
    """Fewest subverted sites with which the attack is normal; None: not even all others together."""


class Poisoning(msgspec.Struct, kw_only=True):
    """Everything that came of it."""

    size: Size
    curves: list[Curve]


@dataclass(frozen=True)
class _Learnt:
    """What a site has to tell of light controllers."""

    honest: CommunicationModel
    attacked: CommunicationModel
    """What it learnt in an hour of attack, its usual life included."""


def poison(
    seed: int,
    size: Size,
    *,
    attacks: Sequence[str] = (NEW, FLOOD),
    adversaries: Sequence[Adversary] = ADVERSARIES,
    aggregations: Sequence[Aggregation] = AGGREGATIONS,
) -> Poisoning:
    """Try every number of subverted sites, for every combination of attack, adversary and aggregation."""
    curves = []
    for attack in attacks:
        observer = _Observer(seed, attack, size)
        plans = make_sites(max(size.counts), seed)[1:]
        learnt = [_learnt(Site(f"site{number}", plan, seed=seed), attack, size) for number, plan in enumerate(plans, 2)]
        for adversary in adversaries:
            lies = [_lie(each, adversary) for each in learnt]
            honest = [each.honest for each in learnt]
            for aggregation in aggregations:
                for count in size.counts:
                    refused = _refused(observer, aggregation, honest[: count - 1], lies[: count - 1])
                    curves.append(
                        Curve(
                            attack=attack,
                            adversary=adversary.name,
                            aggregation=aggregation.name,
                            sites=count,
                            refused=refused,
                            needed=_needed(refused),
                        )
                    )
    return Poisoning(size=size, curves=curves)


class _Observer:
    """The honest site to which the attack comes in the end, by one of its light controllers."""

    def __init__(self, seed: int, attack: str, size: Size) -> None:
        site = Site("site1", make_sites(1, seed)[0], seed=seed)
        self._end = START + round(size.hours * HOUR)
        self._state = _aged(site.learn(self._end), size)
        _attack(site, attack, self._end + MINUTE, WATCHED, controllers=1)
        attacker = site.controllers[0].address
        happenings = site.happenings(self._end + MINUTE + WATCHED)
        self._rows = [row for row in happenings if row.access.source == attacker]

    def refused(self, shared: Shared) -> float:
        """Return the share of the attack's calls that are refused, with what is told of the others."""
        gateway = Gateway(self._state, mode=ModeSetting.ENFORCE, federated=True)
        gateway.adopt(LIGHT_CONTROLLER, encode_others(Others(elsewhere=shared)), self._end)
        verdicts = [gateway.judge(row.access) for row in self._rows]
        refused = [
            verdict.action is not Action.FORWARD
            for row, verdict in zip(self._rows, verdicts, strict=True)
            if row.label == LABEL
        ]
        return sum(refused) / len(refused)


def _learnt(site: Site, attack: str, size: Size) -> _Learnt:
    end = START + round(size.hours * HOUR)
    before = repeated(site.learn(end).models()[LIGHT_CONTROLLER], 1, 0)
    _attack(site, attack, end, HOUR)
    after = site.learn(end + HOUR).models()[LIGHT_CONTROLLER]
    return _Learnt(honest=_through_days(before, size), attacked=difference(after, before))


def _attack(site: Site, attack: str, start: int, lasting: int, controllers: int | None = None) -> None:
    if attack == NEW:
        site.subvert(start, lasting, controllers=controllers)
    else:
        site.flood(start, lasting, times=FASTER, controllers=controllers)


def _through_days(model: CommunicationModel, size: Size) -> CommunicationModel:
    return repeated(model, max(1, round(size.days * 24 / size.hours)), round(size.hours * 60))


def _aged(analyzer: Analyzer, size: Size) -> bytes:
    """Return the state of an analyzer that has learnt the same for days."""
    state = decode(analyzer.dump())
    contributions = {
        name: {
            origin: msgspec.structs.replace(each, model=_through_days(each.model, size))
            for origin, each in by_origin.items()
        }
        for name, by_origin in state.knowledge.contributions.items()
    }
    knowledge = msgspec.structs.replace(state.knowledge, contributions=contributions)
    return encode(msgspec.structs.replace(state, knowledge=knowledge))


def _lie(learnt: _Learnt, adversary: Adversary) -> CommunicationModel:
    if adversary == TAUGHT:
        return both(learnt.honest, learnt.attacked)
    if adversary == LYING:
        return repeated(learnt.attacked, 1_000_000, 0)
    patient = both(learnt.honest, repeated(learnt.attacked, 24, 60))
    return repeated(patient, INFLATED, 0) if adversary == LOUD else patient


def _refused(
    observer: _Observer,
    aggregation: Aggregation,
    honest: Sequence[CommunicationModel],
    lies: Sequence[CommunicationModel],
) -> list[float]:
    """Return what is refused with 0, 1, 2, ... sites subverted, until nothing has been for two numbers in a row."""
    found: list[float] = []
    for subverted in range(len(honest) + 1):
        found.append(observer.refused(aggregation.aggregate([*lies[:subverted], *honest[subverted:]])))
        if found[-2:] == [0.0, 0.0]:
            break
    return found


def _needed(refused: Sequence[float]) -> int | None:
    return next((number for number, share in enumerate(refused) if share < NORMAL_BELOW), None)
