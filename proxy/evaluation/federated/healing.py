"""Whether a subverted site heals: all its light controllers do harm for an hour, and its gateway learns that."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from models.descriptor import MINUTE
from models.simulation.scenario import START
from models.simulation.sites import make_sites
from models.simulation.trace import Observed
from policy.document import ModeSetting, PolicyDocument
from policy.verdict import Action, Verdict
from proxy.evaluation.federated.service import Service
from proxy.evaluation.federated.site import HOUR, LABEL, Floorplans, Site
from proxy.evaluation.federated.world import World

CALM = 10 * MINUTE
"""Before the attack begins: gateways have heard of each other."""
THRESHOLD = PolicyDocument().thresholds.block
"""AV from which on calls are refused."""


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How much is simulated."""

    hours: float = 3.0
    """For which all sites have learnt before."""
    learnt: float = 60.0
    """Minutes for which the gateway learns the attack, as in learn mode. The attack goes on afterwards."""
    removed_after: float = 30.0
    """Minutes from the end of learn mode until somebody takes the subverted sites out of the service."""
    watched: float = 30.0
    """Minutes afterwards."""


class Point(msgspec.Struct, frozen=True):
    """What the attack scored at one moment."""

    minute: float
    """Since the attack began."""
    here: float
    """AV at the first site that is subverted."""
    elsewhere: float
    """AV at a site that is not."""


class Course(msgspec.Struct, kw_only=True):
    """One run."""

    name: str
    sites: int
    subverted: int
    federated: bool
    points: list[Point]
    refused_here: float | None = None
    """Share of the attack's calls that were refused at the subverted sites from the end of learn mode on."""
    flagged_again: float | None = None
    """Minutes from the end of learn mode until every call of the attack was flagged at the first site; None: never."""
    removed_at: float | None = None
    """Minute at which the subverted sites were taken out."""
    accepted: bool = False
    """Whether sites vouched for the attack as they do for an update, until they were taken out."""

    def av(self, where: Callable[[Point], float], begin: float, end: float) -> float | None:
        """Return the mean AV from one minute to another, None where nothing was measured."""
        found = [where(point) for point in self.points if begin <= point.minute < end]
        return sum(found) / len(found) if found else None


class Healing(msgspec.Struct, kw_only=True):
    """Everything that came of it."""

    size: Size
    threshold: float
    learnt_until: float
    """Minute at which the gateways were put back from learn mode into enforce."""
    courses: list[Course]


class Case(msgspec.Struct, frozen=True):
    """What is run."""

    name: str
    sites: int
    subverted: int
    federated: bool = True
    apart: float = 0
    """Minutes from the attack on one site to that on the next."""


CASES: Sequence[Case] = (
    Case("4 sites", 4, 1),
    Case("4 sites, isolated", 4, 1, federated=False),
    Case("2 sites", 2, 1),
    Case("4 sites, 2 subverted 40 min apart", 4, 2, apart=40),
    Case("4 sites, 2 subverted at once", 4, 2),
)
"""Federated, and one of the sites subverted, where nothing else is said."""


def heal(seed: int, size: Size, cases: Sequence[Case] = CASES, *, floorplans: Floorplans = make_sites) -> Healing:
    """Run every case, on sites of these floor plans."""
    return Healing(
        size=size,
        threshold=THRESHOLD,
        learnt_until=size.learnt,
        courses=[_Run(seed, size, case, floorplans).course() for case in cases],
    )


class _Run:
    """One case on its way."""

    def __init__(self, seed: int, size: Size, case: Case, floorplans: Floorplans) -> None:
        self._begin = START + round(size.hours * HOUR)
        self._attack = self._begin + CALM
        self._learnt = self._attack + round(size.learnt * MINUTE)
        self._removal = self._learnt + round(size.removed_after * MINUTE)
        self._end = self._removal + round(size.watched * MINUTE)
        plans = enumerate(floorplans(case.sites, seed), 1)
        self._sites = [Site(f"site{number}", floorplan, seed=seed) for number, floorplan in plans]
        self._bad, self._good = self._sites[: case.subverted], self._sites[-1]
        self._service = Service() if case.federated else None
        self._afterwards: list[tuple[int, bool]] = []
        self._course = Course(
            name=case.name, sites=case.sites, subverted=case.subverted, federated=case.federated, points=[]
        )
        for site in self._sites:
            site.learn(self._begin)
            site.protect(ModeSetting.ENFORCE, federated=case.federated)
        for place, site in enumerate(self._bad):
            start = self._attack + round(place * case.apart * MINUTE)
            site.subvert(start, self._end - start)

    def course(self) -> Course:
        """Let it all happen."""
        world, course = World(self._sites, self._service, start=self._begin), self._course
        world.run(self._attack, self._seen, self._measure)
        for site in self._bad:
            site.gateway.switch(ModeSetting.LEARN)
        world.run(self._learnt, self._seen, self._measure)
        for site in self._bad:
            site.gateway.switch(ModeSetting.ENFORCE)
        world.run(self._removal, self._seen, self._measure)
        course.accepted = self._good.gateway.expects(self._good.unusual(self._removal))
        if self._service is not None:
            course.removed_at = (self._removal - self._attack) / MINUTE
            for site in self._bad:
                self._service.remove(site.name)
        world.run(self._end, self._seen, self._measure)
        _conclude(course, self._afterwards, self._learnt)
        return course

    def _seen(self, _: Site, observed: Observed, verdict: Verdict) -> None:
        time = observed.access.time
        if observed.label == LABEL and time >= self._learnt:
            self._afterwards.append((time, verdict.action is not Action.FORWARD))

    def _measure(self, time: int) -> None:
        if time % MINUTE == 0:
            here, elsewhere = (each.gateway.probe(each.unusual(time)).av for each in (self._sites[0], self._good))
            self._course.points.append(Point((time - self._attack) / MINUTE, here, elsewhere))


def _conclude(course: Course, afterwards: Sequence[tuple[int, bool]], learnt: int) -> None:
    if not afterwards:
        return
    course.refused_here = sum(refused for _, refused in afterwards) / len(afterwards)
    passed = [time for time, refused in afterwards if not refused]
    last = afterwards[-1][0]
    if not passed:
        course.flagged_again = 0.0
    elif passed[-1] < last - 5 * MINUTE:  # the end of the run is no healing
        course.flagged_again = (passed[-1] - learnt) / MINUTE
