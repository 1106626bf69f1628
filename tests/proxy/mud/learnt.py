"""Models that were learnt from a house, for descriptions of them."""

from __future__ import annotations

from models.access import Operation
from models.analyzer import Analyzer
from tests.models.accesses import MINUTE, START, access, teach


def house() -> Analyzer:
    """Two hours of a light that looks at a sensor and sets itself, and of a panel that once looks at the light."""
    analyzer = Analyzer()
    for index in range(360):
        time = START + index * 20_000
        teach(analyzer, access(time))
        teach(
            analyzer, access(time + 1, destination="/agent1/light1", destination_type="/light", operation=Operation.SET)
        )
        teach(
            analyzer,
            access(
                time + 2,
                destination="/agent1/light1",
                destination_type="/light",
                source="/agent1/panel1",
                source_type="/panel",
            ),
        )
    teach(analyzer, access(START + 360 * 20_000, operation=Operation.SUBSCRIBE))
    analyzer.advance(START + 121 * MINUTE)
    return analyzer
