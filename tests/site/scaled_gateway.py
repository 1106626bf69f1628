"""The shipped gateway, run on scaled event time: the composition root of tests and demonstration.

Scaling exists only here. Everything else, thresholds included, is what `alleyes run` runs.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from proxy.clocks import MonotonicEventClock
from proxy.commands.options import configuration
from proxy.commands.run import serve
from proxy.worker.process import add_arguments, run


def main() -> None:
    """Run the gateway with event time from `--start` (ms since the epoch), `--scale` times as fast as real time.

    With `--since` it was `--start` at that reading (s) of the monotonic clock, so that several gateways share it.
    """
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--scale", type=float, required=True)
    if "--channel" in sys.argv:
        add_arguments(parser)
        arguments = parser.parse_args()
        run(arguments, lambda start, origin: MonotonicEventClock.since(start, origin, arguments.scale))
        return
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--start", type=int, required=True)
    parser.add_argument("--since", type=float)
    arguments = parser.parse_args()
    worker = (sys.executable, "-m", "tests.site.scaled_gateway", "--scale", str(arguments.scale))
    serve(configuration(arguments.config), worker, lambda newest: max(_begin(arguments), newest))


def _begin(arguments: argparse.Namespace) -> int:
    if arguments.since is None:
        return int(arguments.start)
    return MonotonicEventClock.since(arguments.start, arguments.since, arguments.scale).now()


if __name__ == "__main__":
    main()
