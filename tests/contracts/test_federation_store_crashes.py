"""What a caller was told is stored is there after any crash, and nothing is there by halves."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.federation.storage.base import Cursor
from tests.site.contributing_process import TOPICS, store_of
from tests.site.postgres import PostgresServer, postgres_server

ROUNDS = 3
Stamp = tuple[int, int]


@pytest.fixture(scope="module")
def durable() -> Iterator[PostgresServer]:
    """A server whose commits reach the disk."""
    with postgres_server(fsync=True) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    if request.param == "sqlite":
        return "sqlite", str(tmp_path / "federation.db")
    server: PostgresServer = request.getfixturevalue("durable")
    return "postgres", server.new_database()


class Contributing:
    """The process, and what it says."""

    def __init__(self, kind: str, place: str, epoch: int) -> None:
        command = [sys.executable, "-m", "tests.site.contributing_process", kind, place, str(epoch)]
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115, closed in `kill`
        self.process = subprocess.Popen(
            command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, stderr=self._errors, text=True
        )
        self.told: list[str] = []
        self._listening = threading.Thread(target=self._listen)
        self._listening.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.endswith("\n"):
                self.told.append(line)

    def wait_for(self, lines: int) -> None:
        """Wait until it has said so much."""
        deadline = time.monotonic() + 60
        while len(self.told) < lines:
            if self.process.poll() is not None:
                self._errors.seek(0)
                pytest.fail(self._errors.read())
            assert time.monotonic() < deadline, f"said {len(self.told)} of {lines} lines"
            time.sleep(0.01)

    def kill(self) -> dict[str, Stamp]:
        """Kill it; return the newest stamp of each origin that it was told is stored."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._listening.join()
        self._errors.close()
        newest: dict[str, Stamp] = {}
        for line in self.told:
            origin, epoch, sequence = line.split()
            newest[origin] = max(newest.get(origin, (0, 0)), (int(epoch), int(sequence)))
        return newest


@contextlib.contextmanager
def contributing(kind: str, place: str, epoch: int) -> Iterator[Contributing]:
    process = Contributing(kind, place, epoch)
    try:
        yield process
    finally:
        process.kill()


async def held(kind: str, place: str) -> dict[str, dict[str, Stamp]]:
    """What the store holds: for each origin its topics' stamps."""
    store = store_of(kind, place)
    await store.open()
    rows, _ = await store.changes(Cursor(), 10_000)
    await store.close()
    found: dict[str, dict[str, Stamp]] = {}
    for row in rows:
        found.setdefault(row.origin, {})[row.topic] = row.stamp
    return found


def check(place: tuple[str, str], told: dict[str, Stamp]) -> None:
    found = asyncio.run(held(*place))
    lost = {origin: stamp for origin, stamp in told.items() if found[origin][TOPICS[0]] < stamp}
    assert lost == {}
    # Of the two topics that were put together, never one without the other.
    assert all(len(topics) == len(TOPICS) and len(set(topics.values())) == 1 for topics in found.values())


def test_nothing_is_lost_when_the_process_is_killed(place: tuple[str, str]) -> None:
    for epoch in range(1, ROUNDS + 1):
        with contributing(*place, epoch) as process:
            process.wait_for(random.randrange(1, 400))
            time.sleep(random.uniform(0, 0.05))
            told = process.kill()
        assert told
        check(place, told)


def test_nothing_is_lost_when_the_server_is_killed_and_the_process_goes_on(durable: PostgresServer) -> None:
    place = "postgres", durable.new_database()
    with contributing(*place, 1) as process:
        for _ in range(2):
            process.wait_for(len(process.told) + random.randrange(1, 400))
            durable.kill()
            before = len(process.told)
            durable.start()
            process.wait_for(before + 100)
        told = process.kill()
    check(place, told)
