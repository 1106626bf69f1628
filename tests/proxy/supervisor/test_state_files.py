"""Models and addresses reach the disk, and nothing of what several workers saw is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from models.analyzer import Analyzer
from proxy.storage.address_store import AddressStore, Seen
from proxy.storage.model_store import CURRENT, PREVIOUS, ModelStore
from proxy.supervisor.state_files import StateFiles

SEEN = {"192.0.2.1": {"certificate:a": Seen(1000.0, ("/agent1/a",))}}


@pytest.fixture
def background() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max_workers=1) as executor:
        yield executor


def files(directory: Path, background: ThreadPoolExecutor) -> StateFiles:
    return StateFiles(
        models=ModelStore(directory),
        addresses=AddressStore(directory),
        dump=lambda: Analyzer().dump(),
        seen=lambda: SEEN,
        background=background,
    )


async def written(background: ThreadPoolExecutor) -> None:
    await asyncio.wrap_future(background.submit(lambda: None))


async def test_what_changed_is_stored_and_nothing_else(tmp_path: Path, background: ThreadPoolExecutor) -> None:
    kept = files(tmp_path, background)
    kept.store_soon()
    await written(background)
    assert ModelStore(tmp_path).load().analyzer is None
    kept.changed()
    kept.store_soon()
    await written(background)
    assert ModelStore(tmp_path).load().analyzer is not None
    assert AddressStore(tmp_path).load() == SEEN


async def test_a_slow_disk_is_not_given_a_second_job(tmp_path: Path, background: ThreadPoolExecutor) -> None:
    kept = files(tmp_path, background)
    go_on = asyncio.Event()
    loop = asyncio.get_running_loop()
    background.submit(lambda: asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(10))
    for _ in range(3):
        kept.changed()
        kept.store_soon()
    go_on.set()
    await written(background)
    assert (tmp_path / CURRENT).exists()
    assert not (tmp_path / PREVIOUS).exists()
    await asyncio.sleep(0)
    kept.store_soon()
    await written(background)
    assert (tmp_path / PREVIOUS).exists(), "what changed meanwhile is not forgotten"


async def test_a_disk_that_refuses_does_not_stop_anything(tmp_path: Path, background: ThreadPoolExecutor) -> None:
    kept = files(tmp_path / "missing", background)
    kept.changed()
    kept.store_soon()
    await written(background)
    kept.store_now()
    assert ModelStore(tmp_path / "missing").load().analyzer is None


def test_the_end_stores_what_is_known(tmp_path: Path, background: ThreadPoolExecutor) -> None:
    files(tmp_path, background).store_now()
    assert (tmp_path / CURRENT).exists()
