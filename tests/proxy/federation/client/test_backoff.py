"""Clients that failed come back later and later, and not together."""

from __future__ import annotations

from random import Random

from proxy.federation.client.backoff import LEAST, MOST, Backoff


def test_waits_double_up_to_a_bound() -> None:
    backoff = Backoff(first=1.0, most=60.0, chance=lambda: 1.0)
    assert [backoff.failed() for _ in range(9)] == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_waits_are_spread_over_the_whole_time() -> None:
    backoff = Backoff(first=MOST, chance=Random(1).random)
    waits = [backoff.failed() for _ in range(2000)]
    assert all(LEAST <= each <= MOST for each in waits)
    assert min(waits) < MOST / 50
    assert abs(sum(waits) / len(waits) - MOST / 2) < MOST / 20


def test_no_wait_is_so_short_that_a_failure_becomes_a_loop() -> None:
    assert Backoff(chance=lambda: 0.0).failed() == LEAST


def test_a_success_makes_waits_short_again() -> None:
    backoff = Backoff(chance=lambda: 1.0)
    for _ in range(10_000):
        backoff.failed()
    assert backoff.failed() == MOST
    backoff.succeeded()
    assert backoff.failed() == 1.0
