"""What the gateway knows before it is measured: a light controller that looks at its sensor, or switches its light."""

from __future__ import annotations

from benchmarks.dataplane.counted_gateway import CYCLE
from models.access import Access, Operation
from models.analyzer import Analyzer
from models.simulation.scenario import START

LIGHT = "/agent1/lightcontrol1"
MOVEMENT = "/agent1/movement1"
READ = f"{MOVEMENT}/movement"
WRITTEN = f"{LIGHT}/lightOn"
TYPES = {LIGHT: "/lightControler", MOVEMENT: "/movementSensor"}
TURNS = 450
"""Of each kind."""


def models() -> bytes:
    """Return the stored models of a site that did what the load does, at the rate that the counting clock gives it.

    One after the other, as the load does them. Had it seen both by turns, a load of one kind would come untimely, or
    without what is usual before it, and its first calls would be refused, until that is what is usual.
    """
    analyzer = Analyzer()
    time = START
    for node, operation in ((READ, Operation.GET), (WRITTEN, Operation.SET)):
        for _ in range(TURNS):
            time += CYCLE
            analyzer.advance(time)
            turn = access(time, node, operation)
            analyzer.score(turn)
            analyzer.learn(turn)
    return analyzer.dump()


def access(time: int, node: str, operation: Operation) -> Access:
    """Return one turn of the light controller; event time in ms."""
    owner = node.rpartition("/")[0]
    return Access(
        time=time,
        source=LIGHT,
        source_type=TYPES[LIGHT],
        destination=owner,
        destination_type=TYPES[owner],
        node=node,
        operation=operation,
        value="1" if operation is Operation.SET else None,
    )
