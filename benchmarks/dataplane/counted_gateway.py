"""The shipped gateway, on event time that moves by 20 s with each call: a load of thousands per second is a loop then.

A load test is a flood, and would be refused as one. Everything else, policy and thresholds included, is what
`alleyes run` runs; every call is decoded, scored, judged and recorded.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from proxy.commands.options import configuration
from proxy.commands.run import serve
from proxy.worker.process import add_arguments, run

CYCLE = 20_000
"""Milliseconds between two looks of a light controller at its sensor."""


class CountingClock:
    """Event time that only calls move; whoever else looks at it moves it as well, which does no harm."""

    def __init__(self, start: int) -> None:
        """Begin at `start`, ms since the epoch."""
        self._now = start

    def now(self) -> int:
        """Return the time of the next turn."""
        self._now += CYCLE
        return self._now


def main() -> None:
    """Run the gateway, or one of its workers."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    if "--channel" in sys.argv:
        add_arguments(parser)
        run(parser.parse_args(), lambda start, _origin: CountingClock(start))
        return
    parser.add_argument("--config", type=Path, required=True)
    worker = (sys.executable, "-m", "benchmarks.dataplane.counted_gateway")
    serve(configuration(parser.parse_args().config), worker, lambda newest: newest)


if __name__ == "__main__":
    main()
