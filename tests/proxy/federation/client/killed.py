"""An origin in a process of its own, to be killed at any moment: learns, stores what it learnt, and tells it.

    python -m tests.proxy.federation.client.killed DIRECTORY SERVICE INSTANCE_MINUTES
"""

from __future__ import annotations

import asyncio
import os
import sys
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
    """Learn until there is so much of it, and end once the service has all of it."""
    pace.LEAST_SECONDS = pace._LOOK_SECONDS = 0.01  # so that a kill is likely to come at a moment that matters
    origin = stored(directory)
    link = origin.link(service)
    async with linked(link):
        while LAMP not in origin.models or origin.models[LAMP].weight < minutes:
            origin.learn(1, LAMP, f"/partner{origin.models[LAMP].weight % 7 if LAMP in origin.models else 0}")
            store(origin)
            await asyncio.sleep(0.02)
        taken = link.status().contributions
        while link.status().contributions == taken and not _told(link.status().published):
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)


def _told(published: float) -> bool:
    return published > 0


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
