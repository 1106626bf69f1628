"""Rounds keep the pace of event time, but not faster than a service can bear."""

from __future__ import annotations

import asyncio
import time

import pytest

from models.descriptor import MINUTE
from proxy.federation.client.pace import LEAST_SECONDS, WAIT_SECONDS, Pace, Patience
from tests.waiting import PATIENCE


def test_origins_begin_their_minutes_at_different_moments() -> None:
    offsets = {Pace(lambda: 0).offset for _ in range(50)}
    assert len(offsets) > 40
    assert all(0 <= offset < MINUTE for offset in offsets)


def test_a_minute_begins_at_the_origin_s_own_moment() -> None:
    now = 0
    pace = Pace(lambda: now, offset=20_000)
    before = pace.minute
    now = 39_999
    assert pace.minute == before
    now = 40_000
    assert pace.minute == before + 1


async def test_event_time_that_runs_fast_makes_no_more_than_two_rounds_a_second() -> None:
    began = time.monotonic()
    pace = Pace(lambda: int((time.monotonic() - began) * 1000 * 10_000))
    await pace.minute_after(pace.minute)
    assert time.monotonic() - began >= LEAST_SECONDS


async def test_it_waits_for_event_time_however_slow() -> None:
    now = 0
    pace = Pace(lambda: now, offset=0)
    waiting = asyncio.create_task(pace.minute_after(0))
    await asyncio.sleep(LEAST_SECONDS + 0.3)
    assert not waiting.done()
    now = MINUTE
    async with asyncio.timeout(PATIENCE):
        await waiting


@pytest.mark.parametrize(("scale", "least", "most"), [(1.0, WAIT_SECONDS, WAIT_SECONDS), (60.0, 8, 12), (3000.0, 1, 1)])
async def test_a_service_is_asked_to_wait_as_long_as_event_time_bears(
    monkeypatch: pytest.MonkeyPatch, scale: float, least: int, most: int
) -> None:
    real = 100.0
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: real)
    # A node's event time goes in steps: it has heard of a minute once the minute is over.
    patience = Patience(lambda: int(real * 1000 * scale) // MINUTE * MINUTE)
    waits = []
    for _ in range(20):
        waits.append(patience.seconds())
        real += waits[-1]
    assert waits[0] == 2
    assert least <= waits[-1] <= most
    assert all(each * scale <= 1800 or each <= 2 for each in waits), "less than what makes a node decide by itself"
