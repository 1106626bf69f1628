"""Small traces in the form of the public data set."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from proxy.evaluation.trace import COLUMNS

START = 1_520_031_600_000
HEADER = ",".join(COLUMNS)


def line(second: float = 0, operation: str = "read", label: str = "normal", **changes: str) -> str:
    """One row: a light controller and the movement sensor of its room; `changes` by column."""
    values = {
        "sourceID": "lightcontrol1",
        "sourceAddress": "/agent1/lightcontrol1",
        "sourceType": "/lightControler",
        "sourceLocation": "Hall",
        "destinationServiceAddress": "/agent1/movement1",
        "destinationServiceType": "/movementSensor",
        "destinationLocation": "Hall",
        "accessedNodeAddress": "/agent1/movement1/movement",
        "accessedNodeType": "/derived/boolean",
        "operation": operation,
        "value": "1",
        "timestamp": str(START + round(second * 1000)),
        "normality": label,
    }
    return ",".join((values | changes).values())


def write(path: Path, lines: Iterable[str], end: str = "\n") -> Path:
    """Write a file of lines; returns its path."""
    path.write_bytes("".join(each + end for each in lines).encode())
    return path


def hours_of_light(hours: int = 3) -> list[str]:
    """A registered light controller that reads every 20 s, and at last begins to write, which it never did."""
    own = {
        "destinationServiceAddress": "/agent1/lightcontrol1",
        "destinationServiceType": "/lightControler",
        "accessedNodeAddress": "/agent1/lightcontrol1",
        "accessedNodeType": "/lightControler",
    }
    end = hours * 3600
    return [
        HEADER,
        line(0, "registerService", **own),
        *(line(second) for second in range(20, end, 20)),
        *(line(end + second, "write", "anomalous(malitiousOperation)") for second in range(0, 200, 20)),
    ]
