"""The benchmark measures what it says: learnt calls that are let through."""

from __future__ import annotations

import pytest

from benchmarks.judge import Site


@pytest.mark.timeout(60)
def test_a_learnt_site_is_forwarded_and_timed() -> None:
    site = Site(seed=2)
    site.learn(60)
    figures = site.measure(500)
    assert figures.forwarded > 0.9
    assert 0 < figures.score <= figures.judge_p99
    assert 0 < figures.judge <= figures.judge_p99
    assert figures.conclude > 0
    assert figures.minute > 0
