"""How long a site is unprotected: until its service types may be enforced, alone and with others to learn from."""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec

from models.contributions import Contribution
from models.descriptor import MINUTE
from models.exchange.envelope import encode_contribution
from models.simulation.catalogue import PAPER
from models.simulation.scenario import START
from models.simulation.sites import make_sites
from models.simulation.trace import NORMAL, Observed
from policy.document import ModeSetting
from policy.verdict import Action, Verdict
from proxy.evaluation.federated.service import Service
from proxy.evaluation.federated.site import HOUR, Site
from proxy.evaluation.federated.world import World

FIRST_ATTACK = 15 * MINUTE
"""After the first registration, as with `models.simulation.scenario.EARLIEST`."""
BETWEEN = 5 * MINUTE


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How much is simulated."""

    seeds: int = 3
    others: Sequence[int] = (3, 30)
    """Sites that a new one joins."""
    history: float = 24.0
    """Hours for which 3 others have learnt; more others have learnt as much together, each at least `least`."""
    least: float = 2.0
    days: float = 4.0
    """For which a site alone is watched."""


class FirstHour(msgspec.Struct, kw_only=True):
    """What became of the calls of a site's first hour, all seeds together."""

    normal: int = 0
    flagged: int = 0
    """Normal calls that enforcement would have refused."""
    refused: int = 0
    """Normal calls that were refused: of types that were enforced already."""
    attacks: int = 0
    """Calls of the paper's seven attacks, in another run of the same hour."""
    noticed: int = 0
    """Attacks of which a call would have been refused, of seven a seed."""
    stopped: int = 0
    """Attacks of which a call was refused."""
    detected: int = 0
    """Calls of attacks that enforcement would have refused."""
    prevented: int = 0
    """Calls of attacks that were refused."""


class Joining(msgspec.Struct, kw_only=True):
    """A new site that joins so many others."""

    others: int
    """0: it is alone."""
    history: float
    """Hours for which each of them had learnt."""
    minutes: dict[str, list[float | None]]
    """By service type, for each seed: minutes from the begin until it was enforced; None if it was not in the time that
    was simulated."""
    first_hour: FirstHour


class Convergence(msgspec.Struct, kw_only=True):
    """Everything that came of it."""

    size: Size
    joinings: list[Joining]


def converge(seed: int, size: Size) -> Convergence:
    """Let a site begin alone, and let the same site join others, with the shipped `readiness`."""
    joinings = []
    for others in (0, *size.others):
        history = 0.0 if not others else max(size.least, size.history * 3 / others)
        joining = Joining(others=others, history=history, minutes={}, first_hour=FirstHour())
        for each in range(seed, seed + size.seeds):
            service = _learnt(each, others, history) if others else None
            _first_hour(_new(each), service, joining.first_hour, attacks=False)
            attacked = _new(each)
            _attack(attacked, each)
            _first_hour(attacked, service, joining.first_hour, attacks=True)
            _add(joining.minutes, _until_ready(_new(each), service, hours=24 * size.days))
        joinings.append(joining)
    return Convergence(size=size, joinings=joinings)


def contribute(service: Service, site: Site, until: int) -> None:
    """Let a site learn alone, and the service have what it learnt and which instances live there, once."""
    analyzer = site.learn(until)
    service.show(site.name, analyzer.knowledge.showings())
    for service_type, model in analyzer.models().items():
        contribution = Contribution(epoch=1, sequence=1, model=model)
        service.put(site.name, service_type, encode_contribution(contribution), until)


def _learnt(seed: int, others: int, hours: float) -> Service:
    """Return a service to which others contributed. They do not go on: what comes later only makes models better."""
    service = Service()
    for number, floorplan in enumerate(make_sites(others + 1, seed)[1:], 2):
        begin = START - round(hours * HOUR)
        contribute(service, Site(f"site{number}", floorplan, seed=seed, start=begin), START)
    return service


def _new(seed: int) -> Site:
    """Return the site that is new: the same for the same seed, however many others there are."""
    return Site("site1", make_sites(1, seed)[0], seed=seed)


def _attack(site: Site, seed: int) -> None:
    """Let the paper's seven attacks come to a site, one after the other."""
    for place, (name, kind) in enumerate(PAPER.items()):
        source = random.Random(f"{seed} {name}")  # noqa: S311 -- repeatable, nothing secret comes from it
        attack = kind.recipe(site.floorplan, kind.strength, source)
        site.intrude(attack, site.start + FIRST_ATTACK + place * BETWEEN)


def _world(site: Site, service: Service | None) -> World:
    site.protect(ModeSetting.AUTO, federated=service is not None)
    return World([site], service, start=site.start)


def _first_hour(site: Site, service: Service | None, told: FirstHour, *, attacks: bool) -> None:
    noticed: set[str] = set()
    stopped: set[str] = set()

    def seen(_: Site, observed: Observed, verdict: Verdict) -> None:
        flagged = verdict.would_be is not Action.FORWARD
        refused = verdict.action is not Action.FORWARD
        if observed.label == NORMAL:
            if not attacks:
                told.normal += 1
                told.flagged += flagged
                told.refused += refused
            return
        told.attacks += 1
        told.detected += flagged
        told.prevented += refused
        if flagged:
            noticed.add(observed.label)
        if refused:
            stopped.add(observed.label)

    world = _world(site, service)
    world.run(site.start + HOUR, seen)
    if service is not None:
        service.withdraw(site.name)
    told.noticed += len(noticed)
    told.stopped += len(stopped)


def _until_ready(site: Site, service: Service | None, *, hours: float) -> dict[str, float | None]:
    """Return after how many minutes each type was enforced."""
    found: dict[str, float | None] = dict.fromkeys(sorted({each.type for each in site.floorplan.services}))
    world = _world(site, service)

    def tick(time: int) -> None:
        for name in site.gateway.ready:
            if found.get(name, 0) is None:
                found[name] = (time - site.start) / MINUTE

    end = site.start + round(hours * HOUR)
    while world.now < end and None in found.values():
        world.run(min(end, world.now + HOUR), lambda *_: None, tick)
    if service is not None:
        service.withdraw(site.name)
    return found


def _add(minutes: dict[str, list[float | None]], found: dict[str, float | None]) -> None:
    for name, each in found.items():
        minutes.setdefault(name, []).append(each)
