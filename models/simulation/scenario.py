"""A whole trace from a few settings: sites, attacks and regimes. The same settings give the same rows."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from models.simulation.catalogue import CATALOGUE, AttackPlan, Kind, expand
from models.simulation.day import HOUR, Day, Span
from models.simulation.disorder import disordered
from models.simulation.harder_attacks import poisoning
from models.simulation.intrusion import SECOND, Intrusion
from models.simulation.sites import make_sites, sites_expression
from models.simulation.tempo import DATA_SET
from models.simulation.trace import Observed, Trace

START = 1_520_031_600_000
"""Event time of the beginning in milliseconds, as in the data set; it counts as midnight."""
WARM_UP = HOUR
"""Life before a trace that starts mid-life; long enough for every loop to have found its rhythm."""
ROLLOUT = 540 * SECOND
"""From the first update of a light controller to the last, over all sites."""
EARLIEST = 900 * SECOND
"""No attack is drawn to start before: all services have registered and come round several times."""
MOST_SITES = 1000
MOST_HOURS = 8784.0
"""A year."""
MOST_CALLS = 2_000_000
"""Accesses that attackers make of their own, in all attacks of a trace: these are in memory from the beginning."""
MOST_TIMERS = 12
"""Of a light controller."""
PERIODS = range(10, 61)
"""Seconds from which their periods are drawn: people set timers to whole seconds."""
NIGHT: Span = (22.0, 6.0)
"""Hours of the night where days and nights differ."""


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be simulated."""

    sites: int = 4
    hours: float = 24.0
    seed: int = 1
    attacks: tuple[AttackPlan | str, ...] = ()
    """Plans, or names and groups of the catalogue with a strength after a colon."""
    update_at: float | None = None
    """Seconds from the beginning to the first update of a light controller."""
    brownfield: bool = False
    """Begin mid-life: nobody registers, all loops run."""
    silent: Span | None = None
    """Hours of the day in which nothing begins."""
    day_night: bool = False
    """Whether loops are slower and happenings rarer at night."""
    timers: int = 0
    """Independent timers by which each light controller looks, instead of one loop; periods are drawn from the seed.
    An update starts them anew and gives one of them another period."""
    disorder: float = 0.0
    """Share of the rows that is late or has another's time stamp."""

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Scenario:
        """Return a scenario from plain data, e.g. of a file; raise ValueError saying what is wrong with it."""
        return msgspec.convert(settings, cls, strict=True)

    def __post_init__(self) -> None:
        """Raise ValueError for settings that make no sense, so that no half trace is written."""
        if not 1 <= self.sites <= MOST_SITES:
            raise ValueError(f"there are 1 to {MOST_SITES} sites")
        if not 0 < self.hours <= MOST_HOURS:
            raise ValueError(f"hours is a positive number, at most {MOST_HOURS:g}")
        if not 0 <= self.timers <= MOST_TIMERS:
            raise ValueError(f"a light controller has 0 to {MOST_TIMERS} timers")
        if not 0 <= self.disorder <= 1:
            raise ValueError("disorder is a share, 0 to 1")
        if self.update_at is not None and not 0 <= self.update_at <= MOST_HOURS * HOUR / SECOND:
            raise ValueError("an update cannot come before the trace begins, nor more than a year later")
        if self.silent is not None and not all(0 <= hour <= 24 for hour in self.silent):  # noqa: PLR2004 -- of a day
            raise ValueError("silent is two hours of the day, 0 to 24")
        plans = expand(self.attacks)
        if any(plan.site is not None and not 1 <= plan.site <= self.sites for plan in plans):
            raise ValueError(f"an attack names a site, there are 1 to {self.sites}")
        for plan in plans:
            if self.sites < CATALOGUE[plan.name].poisoned:
                raise ValueError(f"{plan.name} needs {CATALOGUE[plan.name].poisoned} sites, there is {self.sites}")


class Simulation:
    """A scenario that is set up: its sites are known, its rows can be had once."""

    def __init__(self, scenario: Scenario) -> None:
        """Build the sites and schedule all attacks.

        Raises:
            ValueError: no site has the services that an attack needs, or attacks are of too many accesses.
        """
        self._scenario = scenario
        self._calls = 0
        self.floorplans = make_sites(scenario.sites, scenario.seed)
        self._end = START + round(scenario.hours * HOUR)
        begin = START - WARM_UP if scenario.brownfield else START
        self._traces = [self._trace(index, begin) for index in range(scenario.sites)]
        for plan in expand(scenario.attacks):
            self._schedule(plan)

    @property
    def sites(self) -> str:
        """Which agents are one site each, as `alleyes evaluate --sites` takes it."""
        return sites_expression(self.floorplans)

    def rows(self) -> Iterator[Observed]:
        """Yield what happens, in the order in which it is observed."""
        streams = [trace.until(self._end) for trace in self._traces]
        rows: Iterator[Observed] = heapq.merge(*streams, key=lambda observed: observed.access.time)
        if self._scenario.brownfield:
            rows = (observed for observed in rows if observed.access.time >= START)
        return disordered(rows, self._scenario.disorder, self._scenario.seed) if self._scenario.disorder else rows

    def _trace(self, index: int, begin: int) -> Trace:
        """Set a site up. Sites register one after the other within the data set's window, and update likewise."""
        scenario, count = self._scenario, self._scenario.sites
        window = DATA_SET.registration_window // count
        registering = begin + index * window
        tempo = msgspec.structs.replace(DATA_SET, registration_window=window)
        if scenario.timers:
            # The same in all sites, as software brings them.
            drawn = random.Random(f"{scenario.seed} timers").sample(PERIODS, scenario.timers + 1)
            periods = tuple(SECOND * period for period in drawn)
            tempo = msgspec.structs.replace(tempo, look_timers=periods[:-1], look_timers_updated=periods[1:])
        if scenario.update_at is not None:
            first = START + round(scenario.update_at * SECOND + ROLLOUT * index / count)
            share = ROLLOUT // count
            tempo = msgspec.structs.replace(tempo, update_after=first - registering, update_rollout=share)
        day = Day(origin=START, silent=scenario.silent, night=NIGHT if scenario.day_night else None)
        return Trace(self.floorplans[index], seed=scenario.seed, start=registering, tempo=tempo, day=day)

    def _schedule(self, plan: AttackPlan) -> None:
        kind = CATALOGUE[plan.name]
        strength = kind.strength if plan.strength is None else plan.strength
        source = random.Random(f"{self._scenario.seed} {plan.name}")
        order = list(range(len(self.floorplans)))
        source.shuffle(order)
        if plan.site is not None:
            order.remove(plan.site - 1)
            order = [plan.site - 1, *(order if kind.poisoned else ())]
        if kind.poisoned:
            self._poison(order[: kind.poisoned], strength, source)
            order = order[kind.poisoned :]
        episodes = plan.episodes or (1 if plan.start is not None else kind.episodes)
        for episode in range(episodes if order else 0):
            turn = episode % len(order)
            index, intrusion = self._prepare(plan.name, kind, strength, order[turn:] + order[:turn], source)
            start = self._draw(kind, intrusion, episode / episodes, 1 / episodes, source)
            self._intrude(index, intrusion, START + (start if plan.start is None else round(plan.start * SECOND)))

    def _poison(self, order: list[int], strength: float, source: random.Random) -> None:
        """Let it begin in these sites as soon as their services have registered, and never end."""
        begin = START + DATA_SET.registration_window + DATA_SET.settling
        lasting = max(1, self._end - begin)
        _check_calls(len(order) * lasting / (strength * SECOND))
        for index in order:
            intrusion = poisoning(self.floorplans[index], strength, source, lasting=lasting)
            self._intrude(index, intrusion, begin)

    def _intrude(self, index: int, intrusion: Intrusion, begin: int) -> None:
        self._calls += len(intrusion.steps)
        _check_calls(self._calls)
        self._traces[index].intrude(intrusion, begin)

    def _prepare(
        self, name: str, kind: Kind, strength: float, order: list[int], source: random.Random
    ) -> tuple[int, Intrusion]:
        """Return an attack on the first of the sites that has the services for it."""
        problem = ""
        for index in order:
            try:
                return index, kind.recipe(self.floorplans[index], strength, source)
            except ValueError as lacking:
                problem = str(lacking)
        raise ValueError(f"{name}: {problem}")

    def _draw(self, kind: Kind, intrusion: Intrusion, begin: float, share: float, source: random.Random) -> int:
        """Return when an episode starts, ms: somewhere in its share of the trace, and over before the end if it can."""
        length = self._end - START
        if kind.once:
            return length // 2
        # What appears in other sites after a poisoning comes when models are no longer young.
        earliest = length // 2 if kind.poisoned else min(EARLIEST, length // 4)
        room = max(0, length - earliest - intrusion.duration)
        return earliest + round(room * (begin + share * source.random()))


def _check_calls(count: float) -> None:
    if count > MOST_CALLS:
        raise ValueError(f"the attacks make more than {MOST_CALLS:,} accesses; ask for fewer, weaker or shorter ones")


def simulate(scenario: Scenario) -> Iterator[Observed]:
    """Yield the rows of a scenario; raise ValueError if an attack finds no site for it."""
    return Simulation(scenario).rows()
