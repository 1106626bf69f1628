"""What a site that nobody sees has contributed to a federation: the models of a simulated home."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import msgspec

from models.access import Access, Operation
from models.analyzer import Analyzer
from models.communication_model import CommunicationModel
from models.contributions import Contribution
from models.descriptor import MINUTE
from models.exchange.envelope import encode_contribution
from models.simulation.floorplan import Floorplan, family_home
from models.simulation.tempo import BRISK
from models.simulation.trace import Observed, Trace
from proxy.federation.client.connection import Connection
from proxy.federation.client.credentials import Credentials
from proxy.federation.client.enrolment import enrol

SLOW = msgspec.structs.replace(BRISK, think=4_000)
"""The tempo of live sites whose time is scaled: what the network takes is seconds of theirs."""
_HEADERS = {"Content-Type": "application/vnd.alleyes.contribution"}


def learnt(site: Floorplan, *, seed: int, start: int, end: int) -> Analyzer:
    """Return what a gateway has learnt that saw the undisturbed life of a site.

    Args:
        site: Whose.
        seed: Of all behaviour.
        start: When the services began, event time in ms.
        end: Until when the gateway looked.
    """
    analyzer = Analyzer()
    minute = start // MINUTE
    for access in _seen(Trace(site, seed=seed, start=start, tempo=SLOW).until(end)):
        if access.time // MINUTE != minute:
            minute = access.time // MINUTE
            analyzer.advance(access.time)
        analyzer.score(access)
        analyzer.learn(access)
    analyzer.advance(end)
    return analyzer


def _seen(trace: Iterable[Observed]) -> Iterator[Access]:
    """Yield what a gateway sees: besides the calls, which a trace has, the callbacks that they cause."""
    subscribed: dict[str, list[Access]] = {}
    for access in (observed.access for observed in trace):
        yield access
        if access.operation is Operation.SUBSCRIBE:
            subscribed.setdefault(access.node, []).append(access)
        elif access.operation is Operation.SET:
            for each in subscribed.get(access.node, ()):
                yield msgspec.structs.replace(each, operation=Operation.NOTIFY, time=access.time)


async def contribute(service: str, token: str, directory: Path, models: Mapping[str, CommunicationModel]) -> None:
    """Enrol at a federation service, and tell it these models, in one contribution for each type."""
    await enrol(service, token, directory)
    connection = Connection(service, Credentials.read(directory).context)
    try:
        for name, model in models.items():
            body = encode_contribution(Contribution(epoch=1, sequence=1, model=model))
            await connection.ask("PUT", f"/v1/contributions/{quote(name, safe='')}", body=body, headers=_HEADERS)
    finally:
        await connection.close()


def main() -> None:
    """Learn from a simulated home, and contribute it."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    for name in ("seed", "start", "end"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--service", required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--directory", type=Path, required=True)
    asked = parser.parse_args()
    known = learnt(family_home(), seed=asked.seed, start=asked.start, end=asked.end)
    asyncio.run(contribute(asked.service, asked.token, asked.directory, known.models()))


if __name__ == "__main__":
    main()
