"""An origin whose process is killed at random moments, or whose service is away for a week, counts once and whole."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from models.communication_model import CommunicationModel
from proxy.federation.client.database import FILE
from tests.proxy.federation.client.killed import MODEL, stored
from tests.proxy.federation.client.origin import LAMP, enrolled, linked, url
from tests.proxy.federation.service.running import Caller, Place
from tests.waiting import eventually, until

_numbers = count()
KILLS = 8


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("service"), {"limits": {"requests_per_second": 1000}})


@pytest.fixture
def service(place: Place) -> Iterator[Place]:
    with place.serving():
        yield place


def known(caller: Caller, service_type: str = LAMP) -> CommunicationModel | None:
    """What the service tells another site."""
    if caller.model(service_type).status != 200:
        return None
    found = caller.others(service_type).elsewhere
    return None if found is None else found.model


def test_a_client_that_is_killed_at_random_moments_counts_once(service: Place, tmp_path: Path) -> None:
    origin = enrolled(service, tmp_path / "origin", "killed")
    witness = service.member("witness")
    arguments = [str(origin.directory), url(service), "300", str(KILLS), "7"]
    command = [sys.executable, "-m", "tests.proxy.federation.client.killed", *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        file = origin.directory / MODEL
        eventually(lambda: file.exists() and stored(origin.directory).models[LAMP].weight == 300, 60)
        learnt = stored(origin.directory).models[LAMP]
        eventually(lambda: known(witness) == learnt)
    finally:
        process.communicate()
    assert process.returncode == 0
    assert len(learnt.relationships) == 7
    assert stored(origin.directory).models[LAMP] == learnt
    witness.close()


async def test_after_a_week_without_the_service_everything_is_there_once(place: Place, tmp_path: Path) -> None:
    number, lamp, door = next(_numbers), "/lamp", "/door"
    with place.serving():
        origin, other = [
            await asyncio.to_thread(enrolled, place, tmp_path / name, f"{name}-{number}") for name in ("away", "there")
        ]
        origin.learn(5, lamp)
        async with linked(origin.link(url(place)), other.link(url(place))):
            await until(lambda: other.elsewhere(lamp) == origin.models[lamp])
    # A week of event time in some three seconds: what is new goes into the outbox each time, and nobody takes it.
    origin.scale = other.scale = 7 * 24 * 3600 / 3
    links = origin.link(url(place)), other.link(url(place))
    async with linked(*links):
        began = origin.now()
        while origin.now() - began < 7 * 24 * 3600 * 1000:
            origin.learn(1, lamp)
            origin.learn(1, door)
            other.learn(1, lamp, "/doorLock")
            await asyncio.sleep(0.02)
        await until(lambda: links[0].status().troubles)
        size = (origin.directory / FILE).stat().st_size
        assert size < 1_000_000
        assert other.elsewhere(lamp) is not None, "the last good model stays"
        with place.serving():
            await until(lambda: other.elsewhere(lamp) == origin.counted(lamp))
            await until(lambda: other.elsewhere(door) == origin.counted(door))
            await until(lambda: origin.elsewhere(lamp) == other.counted(lamp))
            await until(lambda: not links[0].status().troubles)
