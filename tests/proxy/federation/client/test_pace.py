"""Rounds keep the pace of event time, but not faster than a service can bear."""

from __future__ import annotations

import asyncio
import time

from models.descriptor import MINUTE
from proxy.federation.client.pace import LEAST_SECONDS, Pace


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
    async with asyncio.timeout(2):
        await waiting
