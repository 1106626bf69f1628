"""What a site that nobody sees has contributed to a federation: the models of a simulated day."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from models.analyzer import Analyzer
from models.descriptor import MINUTE
from models.simulation.floorplan import Floorplan
from models.simulation.sites import make_sites
from models.simulation.tempo import BRISK
from models.simulation.trace import Trace


def learnt(site: Floorplan, *, seed: int, start: int, end: int) -> bytes:
    """Return what a gateway has stored (`models.bin`) that saw the undisturbed life of a site.

    Args:
        site: Whose.
        seed: Of all behaviour.
        start: When the services began, event time in ms.
        end: Until when the gateway looked.
    """
    analyzer = Analyzer()
    minute = start // MINUTE
    for observed in Trace(site, seed=seed, start=start, tempo=BRISK).until(end):
        access = observed.access
        if access.time // MINUTE != minute:
            minute = access.time // MINUTE
            analyzer.advance(access.time)
        analyzer.score(access)
        analyzer.learn(access)
    analyzer.advance(end)
    return analyzer.dump()


def main() -> None:
    """Write the models of the last of so many sites."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    for name in ("sites", "seed", "start", "end"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True)
    asked = parser.parse_args()
    site = make_sites(asked.sites, asked.seed)[-1]
    asked.output.write_bytes(learnt(site, seed=asked.seed, start=asked.start, end=asked.end))


if __name__ == "__main__":
    sys.exit(main())
