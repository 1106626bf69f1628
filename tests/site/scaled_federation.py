"""The shipped federation service, run on scaled event time: the composition root of tests and demonstration."""

from __future__ import annotations

import argparse
from pathlib import Path

from proxy.clocks import MonotonicEventClock
from proxy.commands.federate import federation_document, serve


def main() -> None:
    """Run the service with event time that was `--start` (ms since the epoch) at `--since` of the monotonic clock (s).

    It runs `--scale` times as fast as real time.
    """
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--scale", type=float, required=True)
    parser.add_argument("--start", type=int, required=True)
    parser.add_argument("--since", type=float, required=True)
    asked = parser.parse_args()
    serve(federation_document(asked.config), MonotonicEventClock.since(asked.start, asked.since, asked.scale))


if __name__ == "__main__":
    main()
