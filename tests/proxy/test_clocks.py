"""Event time follows the monotonic clock and nothing else."""

from __future__ import annotations

import time

import pytest

from proxy.clocks import MonotonicEventClock, RealEventClock, real_now


@pytest.mark.parametrize(("scale", "expected"), [(1.0, 1_250), (60.0, 16_000)])
def test_event_time_advances_with_the_monotonic_clock(
    monkeypatch: pytest.MonkeyPatch, scale: float, expected: int
) -> None:
    clock = MonotonicEventClock(start=1_000, scale=scale, _origin=50.0)
    monkeypatch.setattr(time, "monotonic", lambda: 50.25)
    assert clock.now() == expected


def test_event_time_starts_where_it_is_told() -> None:
    assert 5_000 <= MonotonicEventClock(start=5_000).now() < 6_000


def test_a_step_of_the_machine_s_clock_does_not_reach_event_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = MonotonicEventClock(start=5_000)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert real_now() == 0.0
    assert 5_000 <= clock.now() < 6_000


def test_event_time_of_a_service_follows_the_machine_s_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = RealEventClock()
    for seconds in (1_000_000.5, 9.25):
        monkeypatch.setattr(time, "time", lambda seconds=seconds: seconds)
        assert clock.now() == seconds * 1000
