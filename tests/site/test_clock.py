"""Scaled event time."""

from __future__ import annotations

import time

from tests.site.clock import Clock


def test_event_time_runs_at_scale_from_its_start() -> None:
    clock = Clock(100, start=1_000_000)
    time.sleep(0.05)
    now = clock.event_now()
    assert 1_005_000 <= now <= 1_000_000 + (time.monotonic() - clock.began) * 100_000


async def test_sleeping_takes_the_scaled_time() -> None:
    clock = Clock(100, start=0)
    began = time.monotonic()
    await clock.sleep_until(clock.event_now() + 5_000)
    assert time.monotonic() - began > 0.049
    assert clock.event_now() >= 5_000


async def test_the_past_is_not_waited_for() -> None:
    clock = Clock(1, start=1_000_000)
    assert clock.seconds_until(0) < 0
    began = time.monotonic()
    await clock.sleep_until(0)
    assert time.monotonic() - began < 100, "it would be a thousand"


def test_by_default_it_starts_at_the_real_time() -> None:
    assert abs(Clock().event_now() - time.time() * 1000) < 1000
