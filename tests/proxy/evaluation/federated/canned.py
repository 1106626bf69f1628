"""Results as a simulation returns them, without the time that it takes."""

from __future__ import annotations

from proxy.evaluation.federated.convergence import Convergence, FirstHour, Joining
from proxy.evaluation.federated.convergence import Size as ConvergenceSize
from proxy.evaluation.federated.healing import Course, Healing, Point
from proxy.evaluation.federated.healing import Size as HealingSize
from proxy.evaluation.federated.links import Faults
from proxy.evaluation.federated.partition import Outcome, Partition
from proxy.evaluation.federated.partition import Size as PartitionSize
from proxy.evaluation.federated.poisoning import FLOOD, LOUD, NEW, TAUGHT, Curve, Poisoning
from proxy.evaluation.federated.poisoning import Size as PoisoningSize
from proxy.evaluation.federated.simulation import Extent, Results
from proxy.evaluation.federated.updates import Arrival, Cost, RollOut, Updates
from proxy.evaluation.federated.updates import Size as UpdatesSize
from proxy.evaluation.federated.world import Volume


def convergence() -> Convergence:
    return Convergence(
        size=ConvergenceSize(seeds=3, others=(3,)),
        joinings=[
            Joining(
                others=0,
                history=0,
                minutes={"/light$1": [1442.0, 1500.0, None], "/smartPhone": [None, None, None]},
                first_hour=FirstHour(normal=1000, flagged=5, attacks=200, detected=100, noticed=20),
            ),
            Joining(
                others=3,
                history=24,
                minutes={"/light$1": [2.0, 3.0, 2.5], "/smartPhone": [1600.0, 1600.0, 1600.0]},
                first_hour=FirstHour(normal=1000, attacks=200, detected=200, prevented=150, noticed=21, stopped=19),
            ),
        ],
    )


def healing() -> Healing:
    return Healing(
        size=HealingSize(),
        threshold=7,
        learnt_until=60,
        courses=[
            Course(
                name="2 sites",
                sites=2,
                subverted=1,
                federated=True,
                points=[
                    Point(minute, 50 if minute < 0 else 0.5, 100 if minute < 1 or minute > 91 else 1)
                    for minute in range(-10, 120)
                ],
                refused_here=0.0,
                removed_at=90,
            ),
            Course(
                name="isolated",
                sites=4,
                subverted=1,
                federated=False,
                points=[Point(minute, 0.0, 100) for minute in range(-10, 120)],
                refused_here=0.25,
            ),
        ],
    )


def poisoning() -> Poisoning:
    return Poisoning(
        size=PoisoningSize(counts=(4, 10)),
        curves=[
            Curve(
                attack=attack,
                adversary=adversary.name,
                aggregation=name,
                sites=sites,
                refused=[1.0, 0.9],
                needed=needed,
            )
            for attack, adversary in ((NEW, TAUGHT), (FLOOD, LOUD))
            for name in ("as shipped", "without quorum")
            for sites, needed in ((4, 2), (10, None))
        ],
    )


def partition(*, identical: bool = True) -> Partition:
    faults = Faults(sent=1234, lost=300, outages=5, duplicated=20, reordered=30, replayed=10, restarts=4)
    return Partition(
        size=PartitionSize(),
        models=16,
        outcomes=[
            Outcome(seed=None, models=16, digests={"site1.node1": "aa"}, faults=Faults(sent=1234)),
            Outcome(seed=1, models=16, digests={"site1.node1": "aa" if identical else "ab"}, faults=faults),
        ],
    )


def updates() -> Updates:
    return Updates(
        size=UpdatesSize(),
        roll_outs=[
            RollOut(
                federated=True,
                arrivals=[Arrival(site="site1", instances=5, begun=0, accepted_after=2.5, refused=12, calls=900)],
            ),
            RollOut(federated=False, arrivals=[Arrival(site="site1", instances=5, begun=0, refused=900, calls=900)]),
        ],
        costs=[
            Cost(
                site="site1",
                services=20,
                volume=Volume(published=600_000, contributions=800, largest=1500, told=300_000, candidates=100_000),
                minutes=100,
                descriptors_per_day=28_800,
            )
        ],
    )


def results() -> Results:
    return Results(
        seed=1,
        extent=Extent.QUICK,
        seconds={"healing": 3.2},
        convergence=convergence(),
        healing=healing(),
        poisoning=poisoning(),
        partition=partition(),
        updates=updates(),
    )
