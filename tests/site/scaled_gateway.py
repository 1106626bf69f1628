"""The shipped gateway, run on scaled event time: the composition root of tests and demonstration.

Scaling exists only here. Everything else, thresholds included, is what `alleyes run` runs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from proxy.clocks import EventClock, MonotonicEventClock
from proxy.commands.options import configuration
from proxy.commands.run import serve


def main() -> None:
    """Run the gateway with event time from `--start` (ms since the epoch), `--scale` times as fast as real time."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--start", type=int, required=True)
    parser.add_argument("--scale", type=float, required=True)
    arguments = parser.parse_args()

    def clock(newest: int) -> EventClock:
        return MonotonicEventClock(start=max(arguments.start, newest), scale=arguments.scale)

    serve(configuration(arguments.config), clock)


if __name__ == "__main__":
    main()
