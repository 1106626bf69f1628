"""What the gateway knows before it is measured: a light controller that looks at its sensor and switches its light."""

from __future__ import annotations

from models.access import Access, Operation
from models.analyzer import Analyzer
from models.simulation.scenario import START

LIGHT = "/agent1/lightcontrol1"
MOVEMENT = "/agent1/movement1"
READ = f"{MOVEMENT}/movement"
WRITTEN = f"{LIGHT}/lightOn"
TYPES = {LIGHT: "/lightControler", MOVEMENT: "/movementSensor"}
MINUTES = 300
CYCLE = 20_000


def models() -> bytes:
    """Return the stored models of a site that did what the load does, at the rate that the counting clock gives it."""
    analyzer = Analyzer()
    time = START
    while time < START + MINUTES * 60_000:
        analyzer.advance(time)
        for node, operation in ((READ, Operation.GET), (WRITTEN, Operation.SET)):
            time += CYCLE
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
