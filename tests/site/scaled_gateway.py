"""The shipped gateway, run on scaled or told event time: the composition root of tests and demonstration.

Such time exists only here. Everything else, thresholds included, is what `alleyes run` runs.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from proxy.clocks import EventClock, MonotonicEventClock
from proxy.commands.options import configuration
from proxy.commands.run import serve
from proxy.worker.process import add_arguments, run
from tests.site.told_clock import ToldClock


def main() -> None:
    """Run the gateway with event time from `--start` (ms since the epoch), `--scale` times as fast as real time.

    With `--since` it was `--start` at that reading (s) of the monotonic clock, so that several gateways share it. With
    `--told` it is what a test writes into that file, and nothing else.
    """
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--scale", type=float, required=True)
    parser.add_argument("--told", type=Path)
    if "--channel" in sys.argv:
        add_arguments(parser)
        arguments = parser.parse_args()
        run(arguments, partial(_clock, arguments))
        return
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--start", type=int, required=True)
    parser.add_argument("--since", type=float)
    arguments = parser.parse_args()
    worker = [sys.executable, "-m", "tests.site.scaled_gateway", "--scale", str(arguments.scale)]
    if arguments.told is not None:
        worker += ["--told", str(arguments.told)]
    serve(configuration(arguments.config), worker, lambda newest: max(_begin(arguments), newest))


def _clock(arguments: argparse.Namespace, start: int, origin: float) -> EventClock:
    if arguments.told is not None:
        return ToldClock(arguments.told)
    return MonotonicEventClock.since(start, origin, arguments.scale)


def _begin(arguments: argparse.Namespace) -> int:
    if arguments.told is not None:
        return ToldClock(arguments.told).now()
    if arguments.since is None:
        return int(arguments.start)
    return MonotonicEventClock.since(arguments.start, arguments.since, arguments.scale).now()


if __name__ == "__main__":
    main()
