"""Minutes close as event time passes, and what was learnt is on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from models.analyzer import Analyzer
from proxy.learning import Learning
from proxy.storage.model_store import CURRENT, PREVIOUS, ModelStore
from tests.policy.calls import SPYING
from tests.proxy.parts import StandingClock

MINUTE = 60_000


@pytest.fixture
def background() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max_workers=1) as executor:
        yield executor


class Bench:
    def __init__(self, directory: Path, background: ThreadPoolExecutor) -> None:
        self.clock = StandingClock(SPYING.time)
        self.store = ModelStore(directory)
        self.problems: list[str] = []
        self.learning = Learning(
            analyzer=Analyzer(),
            clock=self.clock,
            store=self.store,
            background=background,
            on_problem=self.problems.append,
        )
        self.learning.analyzer.score(SPYING)
        self.learning.analyzer.learn(SPYING)

    def pass_minutes(self, count: int) -> int:
        self.clock.time += count * MINUTE
        return self.learning.advance()

    def stored_types(self) -> set[str]:
        analyzer = self.store.load().analyzer
        return set() if analyzer is None else set(analyzer.models())


async def written(background: ThreadPoolExecutor) -> None:
    await asyncio.wrap_future(background.submit(lambda: None))


async def test_a_minute_that_closes_is_stored(tmp_path: Path, background: ThreadPoolExecutor) -> None:
    bench = Bench(tmp_path, background)
    assert bench.learning.advance() == 0
    await written(background)
    assert not (tmp_path / CURRENT).exists()
    assert bench.pass_minutes(1) == 1
    await written(background)
    assert bench.stored_types() == {"/washingService"}


async def test_a_slow_disk_is_not_given_a_second_job(tmp_path: Path, background: ThreadPoolExecutor) -> None:
    bench = Bench(tmp_path, background)
    go_on = asyncio.Event()
    loop = asyncio.get_running_loop()
    background.submit(lambda: asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(10))
    for _ in range(3):
        assert bench.pass_minutes(1) == 1
    go_on.set()
    await written(background)
    assert not (tmp_path / PREVIOUS).exists()
    await asyncio.sleep(0)
    bench.pass_minutes(1)
    await written(background)
    assert (tmp_path / PREVIOUS).exists()


async def test_a_disk_that_refuses_does_not_stop_learning(tmp_path: Path, background: ThreadPoolExecutor) -> None:
    bench = Bench(tmp_path / "missing", background)
    bench.pass_minutes(1)
    await written(background)
    (problem,) = bench.problems
    assert problem.startswith("the models cannot be stored (")
    assert bench.pass_minutes(1) == 1


def test_the_end_stores_what_is_known(tmp_path: Path, background: ThreadPoolExecutor) -> None:
    bench = Bench(tmp_path, background)
    bench.clock.time += MINUTE
    bench.learning.store_now()
    assert bench.stored_types() == {"/washingService"}


def test_the_end_says_when_the_disk_refuses(tmp_path: Path, background: ThreadPoolExecutor) -> None:
    with pytest.raises(OSError, match="No such file"):
        Bench(tmp_path / "missing", background).learning.store_now()
