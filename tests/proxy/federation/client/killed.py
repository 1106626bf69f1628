"""An origin in a process of its own that is killed again and again: it learns, stores what it learnt, and tells it.

    python -m tests.proxy.federation.client.killed DIRECTORY SERVICE INSTANCE_MINUTES KILLS SEED

What was imported once is forked, so that a kill costs no start. The last child lives until the input ends.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from pathlib import Path

from models.wire import decode_model, encode_model
from proxy.federation.client import pace
from tests.proxy.federation.client.origin import LAMP, Origin, linked

MODEL = "model.bin"


def stored(directory: Path) -> Origin:
    """The origin as it was stored last."""
    origin = Origin(directory, scale=6000.0)
    file = directory / MODEL
    if file.exists():
        origin.models[LAMP] = decode_model(file.read_bytes())
    return origin


def store(origin: Origin) -> None:
    """Store what it learnt, in one piece, as a gateway stores its models."""
    fresh = origin.directory / "model.new"
    fresh.write_bytes(encode_model(origin.models[LAMP]))
    os.replace(fresh, origin.directory / MODEL)  # noqa: PTH105 -- the atomic one, by its name


async def run(directory: Path, service: str, minutes: int) -> None:
    """Learn until there is so much of it, and tell it for ever."""
    pace.LEAST_SECONDS = pace._LOOK_SECONDS = 0.01  # so that a kill is likely to come at a moment that matters
    origin = stored(directory)
    async with linked(origin.link(service)):
        while True:
            known = origin.models[LAMP].weight if LAMP in origin.models else 0
            if known < minutes:
                origin.learn(1, LAMP, f"/partner{known % 7}")
                store(origin)
            await asyncio.sleep(0.02)


def main() -> None:
    """Kill one child after the other."""
    directory, service, minutes, kills, seed = sys.argv[1:]
    chance = random.Random(int(seed))
    for kill in range(int(kills) + 1):
        child = os.fork()
        if child == 0:
            asyncio.run(run(Path(directory), service, int(minutes)))
        if kill < int(kills):
            time.sleep(chance.uniform(0.02, 0.8))
        else:
            sys.stdin.read()
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
