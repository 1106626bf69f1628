from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from proxy.collector import spare_the_collector


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_what_is_there_is_looked_at_no_more_but_garbage_that_is_made_later_is() -> None:
    kept: list[list[int]] = [[]]
    spare_the_collector()
    assert not any(each is kept for each in gc.get_objects())
    assert gc.get_threshold()[0] > 1000
    cycle: list[object] = []
    cycle.append(cycle)
    del cycle
    assert gc.collect() >= 1
