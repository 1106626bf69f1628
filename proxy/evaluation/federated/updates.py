"""How an update that comes to all sites gets in, and what the federation costs in bytes meanwhile."""

from __future__ import annotations

import msgspec

from models.access import Access, Operation
from models.descriptor import MINUTE
from models.simulation.scenario import ROLLOUT, START
from models.simulation.service_models import LIGHT_CONTROLLER, TEMPERATURE_SENSOR
from models.simulation.sites import make_sites
from models.simulation.tempo import DATA_SET
from models.simulation.trace import Observed
from policy.document import ModeSetting
from policy.verdict import Action, Verdict
from proxy.evaluation.federated.service import Service
from proxy.evaluation.federated.site import HOUR, Floorplans, Site
from proxy.evaluation.federated.world import Volume, World

PAPER_BYTES = 96
"""Per descriptor (paper, section V-A)."""
DAY_MINUTES = 24 * 60


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How much is simulated."""

    sites: int = 4
    hours: float = 3.0
    """For which all sites have learnt before."""
    watched: float = 90.0
    """Minutes from the first update on."""


class Arrival(msgspec.Struct, kw_only=True):
    """How the update came to one site."""

    site: str
    instances: int
    """Light controllers."""
    begun: float
    """Minute at which the first of them was updated, since the first one anywhere."""
    accepted_after: float | None = None
    """Minutes from then until the last refusal of it; None: it was still refused at the end."""
    refused: int = 0
    """Calls of it that were refused."""
    calls: int = 0


class RollOut(msgspec.Struct, kw_only=True):
    """One run."""

    federated: bool
    arrivals: list[Arrival]


class Cost(msgspec.Struct, kw_only=True):
    """Bytes of one site, from what was really encoded."""

    site: str
    services: int
    volume: Volume
    minutes: float
    descriptors_per_day: int
    """Of the paper: one of each instance and minute."""

    @property
    def per_day(self) -> float:
        """Bytes that a day takes, both ways."""
        return self.volume.total * DAY_MINUTES / self.minutes

    @property
    def papers(self) -> int:
        """Bytes that the paper's descriptors take in a day, one way."""
        return self.descriptors_per_day * PAPER_BYTES


class Updates(msgspec.Struct, kw_only=True):
    """Everything that came of it."""

    size: Size
    roll_outs: list[RollOut]
    costs: list[Cost]


def update(seed: int, size: Size, *, floorplans: Floorplans = make_sites) -> Updates:
    """Let an update come to all sites within minutes, once federated and once with every site alone."""
    federated, costs = _run(seed, size, Service(), floorplans)
    isolated, _ = _run(seed, size, None, floorplans)
    return Updates(size=size, roll_outs=[federated, isolated], costs=costs)


def _run(seed: int, size: Size, service: Service | None, floorplans: Floorplans) -> tuple[RollOut, list[Cost]]:
    begin = START + round(size.hours * HOUR)
    first = begin + 10 * MINUTE
    sites = []
    for index, floorplan in enumerate(floorplans(size.sites, seed)):
        tempo = msgspec.structs.replace(
            DATA_SET,
            update_after=first - START + ROLLOUT * index // size.sites,
            update_rollout=ROLLOUT // size.sites,
        )
        sites.append(Site(f"site{index + 1}", floorplan, seed=seed, tempo=tempo))
    for site in sites:
        site.learn(begin)
        site.protect(ModeSetting.ENFORCE, federated=service is not None)
    found: dict[str, Arrival] = {}
    last: dict[str, tuple[int, int]] = {}

    def seen(site: Site, observed: Observed, verdict: Verdict) -> None:
        access = observed.access
        if not _of_the_update(access):
            return
        arrival = found.get(site.name)
        if arrival is None:
            begun = (access.time - first) / MINUTE
            arrival = found[site.name] = Arrival(site=site.name, instances=len(site.controllers), begun=begun)
            last[site.name] = access.time, access.time
        arrival.calls += 1
        refused = verdict.action is not Action.FORWARD
        arrival.refused += refused
        began, newest = last[site.name]
        last[site.name] = began, access.time if refused else newest

    world = World(sites, service, start=begin)
    end = first + round(size.watched * MINUTE)
    world.run(end, seen)
    for name, arrival in found.items():
        began, newest = last[name]
        if end - newest > 2 * MINUTE:
            arrival.accepted_after = (newest - began) / MINUTE
    costs = [
        Cost(
            site=site.name,
            services=len(site.floorplan.services),
            volume=world.volumes[site.name],
            minutes=(end - begin) / MINUTE,
            descriptors_per_day=len(site.floorplan.services) * DAY_MINUTES,
        )
        for site in sites
    ]
    return RollOut(federated=service is not None, arrivals=[found[name] for name in sorted(found)]), costs


def _of_the_update(access: Access) -> bool:
    return (
        access.source_type == LIGHT_CONTROLLER
        and access.destination_type == TEMPERATURE_SENSOR
        and access.operation is Operation.GET
    )
