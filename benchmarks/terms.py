"""What each term of the score is worth: attacks on simulated sites, detected with all terms and with each left out.

Four sites with one model per service type. What the attacks write takes no effect, so that what it would have changed
is not taken for their detection.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import msgspec

from benchmarks.feeding import judged
from benchmarks.omission import TERMS
from models.access import Access, Operation
from models.analyzer import Analyzer
from models.anomaly import LOCATION, PARTNER, SEQUENCE, TEXT, VALUE
from models.evaluation import figures
from models.score import Score
from models.simulation.floorplan import Floorplan, Service, family_home
from models.simulation.intrusion import CYCLE, Intrusion
from models.simulation.service_models import BATTERY, MOVEMENT_SENSOR
from models.simulation.step import Step
from models.simulation.trace import Observed, Trace
from proxy.evaluation.subject import Judgement
from proxy.evaluation.trace import Trace as RecordedTrace

START = 1_767_225_600_000
"""Event time of the first access in milliseconds: midnight, 2026-01-01 UTC."""
HOUR = 3_600_000
HOURS = 9
ATTACKS_FROM = 4 * HOUR
SITES = 4
THRESHOLD = 7.0


def site(name: str) -> Floorplan:
    """Return a family home whose addresses no other site has."""
    return Floorplan(
        [
            Service(
                each.id,
                name + each.agent,
                each.type,
                each.location,
                tuple(f"/{name}{partner[1:]}" for partner in each.partners),
            )
            for each in family_home().services
        ]
    )


def attacks(plan: Floorplan, seed: int) -> Iterator[Intrusion]:
    """Yield attacks on a site, each of which one term is to find; most are in no catalogue of the simulator's."""
    source = random.Random(seed)
    service = {each.id: each for each in plan.services}

    def writes(name: str, value: Callable[[int], str], attacker: Service, node: str, turns: int = 60) -> Intrusion:
        begin = source.randrange(CYCLE)
        steps = tuple(Step(begin + turn * CYCLE, Operation.SET, node, value(turn)) for turn in range(turns))
        return Intrusion(label=name, attacker=attacker, steps=steps)

    def reads(name: str, attacker: Service, nodes: list[str], spacing: int) -> Intrusion:
        steps = tuple(Step(index * spacing, Operation.GET, node) for index, node in enumerate(nodes))
        return Intrusion(label=name, attacker=attacker, steps=steps)

    one, two, three, four = (service[f"tempin{number}"] for number in (3, 4, 5, 6))
    yield writes("far out of range", lambda _: f"{source.uniform(60, 90):.1f}", one, one.address)
    yield writes("out of range", lambda _: f"{source.uniform(28, 35):.1f}", two, two.address)
    yield writes("zero", lambda _: "0", three, three.address)
    yield writes("no number", lambda _: source.choice(("twenty", "nan", "{}", "1e40")), four, four.address)
    drifting = service["tempin7"]
    yield writes("drift", lambda turn: f"{20 + turn / 10:.1f}", drifting, drifting.address, 300)
    battery = service["battery1"]
    charges = ("99", "50", "-3", "1000")
    yield writes("charge", lambda _: source.choice(charges), battery, f"{battery.address}/charge")
    light = service["lightcontrol1"]
    yield reads("cross-room", light, [f"{service['movement7'].address}/movement"] * 60, CYCLE)
    scanner = service["lightcontrol2"]
    sensors = [each.address for each in plan.of_type(MOVEMENT_SENSOR) if each.address not in scanner.partners]
    yield reads("slow scan", scanner, [f"{each}/movement" for each in sensors], 300_000)
    machine = service["washingmachine1"]
    other = next(each.address for each in plan.of_type(BATTERY) if each.address not in machine.partners)
    yield reads("wrong battery", machine, [f"{other}/charge"] * 60, CYCLE)
    discharged = f"{plan.partners(machine, BATTERY)[0]}/charge"
    yield writes("discharge unread", lambda turn: str(9 - turn % 10), machine, discharged)


def trace(seed: int) -> Iterator[Observed]:
    """Return what four sites do, the first of them attacked."""
    plans = [site(f"site{number}") for number in range(SITES)]
    traces = [Trace(plan, seed=seed * SITES + number, start=START) for number, plan in enumerate(plans)]
    for number, attack in enumerate(attacks(plans[0], seed)):
        traces[0].intrude(attack, START + ATTACKS_FROM + number * HOUR // 4)
    sites = (each.until(START + HOURS * HOUR) for each in traces)
    return heapq.merge(*sites, key=lambda each: each.access.time)


def recorded(path: Path) -> Iterator[Observed]:
    """Return the rows of a labelled trace in the form of the paper's public data set."""
    rows = RecordedTrace(path)
    try:
        for row in rows:
            yield Observed(row.access, row.label)
    finally:
        rows.close()


def without(score: Score, term: str | None) -> float:
    """Return the AV of a score had it one term less."""
    terms = score.terms
    return score.som * max((terms.get(each, 0.0) for each in TERMS if each != term), default=0.0)


class Ablated:
    """Judges from nothing, by one model per service type, and learns what it does not refuse."""

    def __init__(self, omitted: str | None = None, *, locations: bool = True) -> None:
        """Take one term for 0, if any, and know where services are, or not."""
        self._analyzer = Analyzer()
        self._omitted = omitted
        self._locations = locations

    def judge(self, access: Access) -> Judgement:
        """Score, decide, learn."""
        if not self._locations:
            access = msgspec.structs.replace(access, source_location=None, destination_location=None)
        self._analyzer.advance(access.time)
        score = self._analyzer.score(access)
        av = without(score, self._omitted)
        if av >= THRESHOLD:
            self._analyzer.refused(access, score, THRESHOLD)
        else:
            self._analyzer.learn(access)
        return Judgement(av, av >= THRESHOLD)


@click.command()
@click.option("--trace", "path", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Instead of sites.")
@click.option("--seed", default=11, show_default=True)
@click.option("--no-locations", is_flag=True, help="As with a middleware that does not tell where things are.")
def main(path: Path | None, seed: int, *, no_locations: bool) -> None:
    """Print, for all terms and without each of them, the share of each attack's rows that is refused.

    Of simulated sites the first hour does not count.
    """
    for omitted in (None, LOCATION, VALUE, TEXT, PARTNER, SEQUENCE):
        rows, count_from = (trace(seed), START + HOUR) if path is None else (recorded(path), 0)
        found = figures(judged(rows, Ablated(omitted, locations=not no_locations), count_from=count_from))
        shares = ", ".join(f"{label} {each.detection_rate:.0%}" for label, each in found.classes.items())
        name = f"without {omitted}" if omitted else "all terms"
        click.echo(f"{name}: {shares}; normal {found.false_positives} of {found.normal}")


if __name__ == "__main__":
    main()
