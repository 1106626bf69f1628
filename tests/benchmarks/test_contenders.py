"""Methods side by side: all of them judge the same accesses."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from benchmarks.contenders import Run, contenders, half_space_trees, isolation_forest
from benchmarks.household import START, attacked_home
from models.access import Access
from proxy.evaluation.sites import SiteMap
from tests.models.accesses import access


@pytest.fixture(scope="module")
def home() -> list[Access]:
    return [each.access for each in attacked_home(1.5, seed=3)]


def check(run: Run, count: int) -> None:
    assert run.av.shape == run.refused.shape == (count,)
    assert np.isfinite(run.av).all()
    assert run.seconds > 0
    assert run.state > 0


@pytest.mark.parametrize("name", [name for name, each in contenders(SiteMap()).items() if not isinstance(each, str)])
def test_everyone_judges_every_access(name: str, home: list[Access]) -> None:
    contender = contenders(SiteMap())[name]
    assert not isinstance(contender, str)
    check(contender(home), len(home))


def test_a_missing_library_is_told_and_nothing_else_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.contenders.find_spec", lambda _: None)
    reasons = [each for each in contenders(SiteMap()).values() if isinstance(each, str)]
    assert len(reasons) == 2
    assert all("not installed: make benchmark installs it" in reason for reason in reasons)


def odd_one_out(hours: int) -> list[Access]:
    """Return a read every 20 s, give or take 2 s, and at the end one a hundredth of a second after the last."""
    steps = random.Random(3)
    times = list(itertools.accumulate((steps.randint(18_000, 22_000) for _ in range(180 * hours)), initial=START))
    return [access(time) for time in (*times, times[-1] + 10)]


def test_a_forest_finds_the_odd_one_out() -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: make benchmark installs it")
    accesses = odd_one_out(3)
    run = isolation_forest(accesses)
    assert not run.refused[:170].any()
    assert run.av[170:].max() == run.av[-1] > np.median(run.av)


def test_trees_find_the_odd_one_out() -> None:
    pytest.importorskip("river", reason="river is not installed: make benchmark installs it")
    accesses = odd_one_out(3)
    run = half_space_trees(accesses)
    assert run.av[360:].max() == run.av[-1] > np.median(run.av)
