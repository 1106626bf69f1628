from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.clustering_feature import ClusteringFeature
from models.paper.mining import mine, runs


def periods(gaps: list[int]) -> list[tuple[float, int]]:
    return [(each.mean, each.n) for each in mine(gaps)]


def test_two_periods_by_hand() -> None:
    # Cells from 1000 to 2000, 10 wide. 100 gaps fall into the first, 100 into the last, tau is 5 % of 200 = 10: both
    # are dense. First centres 1005 and 1995, border 1500; the means are 1000 and 2000.
    assert periods([1000, 2000] * 100) == [(1000, 100), (2000, 100)]


def test_k_means_gives_every_gap_to_the_nearest_centre() -> None:
    # From 0 to 1000 cells are 10 wide. Dense (at least 5 % of 100, 5 gaps): cell 0 with 60 gaps of 0, the last with 36
    # of 1000. First centres 5 and 995, border 500. The outliers 400, 450, 500 go down (500 is as near to both), 600 up:
    # centres 1350 / 63 and 36600 / 37.
    found = periods([0] * 60 + [400, 450, 500, 600] + [1000] * 36)
    assert found == [(1350 / 63, 63), (36_600 / 37, 37)]


def test_neighbouring_dense_cells_are_one_cluster() -> None:
    # From 0 to 1000: 20 gaps each in the cells [100, 110), [110, 120) and [120, 130), 20 in the last, 1 in the first.
    gaps = [0] + [105] * 20 + [115] * 20 + [125] * 20 + [1000] * 20
    # 0 goes to the first centre, the middle of 100 to 130: (0 + 2100 + 2300 + 2500) / 61.
    assert periods(gaps) == [(6900 / 61, 61), (1000, 20)]


@pytest.mark.parametrize(("count", "dense"), [(9, False), (10, True)])
def test_the_density_threshold_is_five_of_a_hundred(count: int, dense: bool) -> None:
    assert runs([count], 200) == ([(0, 1)] if dense else [])


def test_in_a_short_window_two_gaps_are_no_period() -> None:
    assert periods([20_000, 20_000, 31_000, 47_000]) == []
    assert periods([20_000, 20_000, 20_000, 47_000]) == [(26_750, 4)]


def test_evenly_spread_gaps_have_no_period() -> None:
    # 200 gaps in 100 cells: 2 in each, and 10 would make it dense.
    assert mine([50 * index for index in range(200)]) == ()


def test_equal_gaps_are_one_period_without_spread() -> None:
    (only,) = mine([60_000] * 200)
    assert (only.mean, only.n, only.std) == (60_000, 200, 0)


@pytest.mark.parametrize("gaps", [[], [5], [5, 5]])
def test_nothing_in_next_to_nothing(gaps: list[int]) -> None:
    assert mine(gaps) == ()


@given(st.lists(st.integers(0, 10**7), max_size=200), st.randoms())
def test_the_order_does_not_matter_and_no_gap_is_lost_or_counted_twice(gaps: list[int], random: object) -> None:
    shuffled = sorted(gaps, key=lambda _: random.random())  # type: ignore[attr-defined]
    clusters = mine(gaps)
    assert mine(shuffled) == clusters
    total = sum(clusters, ClusteringFeature())
    assert total.n <= len(gaps)
    if total.n == len(gaps):
        assert total.ls == sum(gaps)
    assert all(not math.isnan(each.std) and each.n >= 3 for each in clusters)
