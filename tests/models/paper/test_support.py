"""The formulas of section III, each with its arithmetic."""

from __future__ import annotations

import pytest

from models.paper.clusters import NumberCluster
from models.paper.support import (
    anomaly_value,
    group_anomaly,
    support_of_access,
    support_of_model,
    support_of_relationship,
)


def test_support_of_the_model() -> None:
    assert support_of_model(25, 100) == 0.25  # 25 / 100
    assert support_of_model(500, 100) == 1  # min(500, 100) / 100


def test_support_of_the_relationship() -> None:
    assert support_of_relationship(60, 12, 100) == 5  # 60 / 12
    assert support_of_relationship(500, 20, 100) == 5  # min(500, 100) / 20
    assert support_of_relationship(500, 200, 100) == 1  # both are capped: 100 / 100
    assert support_of_relationship(500, 0, 100) == 100  # never seen counts as seen once: 100 / 1


def test_support_of_the_access() -> None:
    # 30 s from a centre with deviation 5 s, a cluster with half of the relationship's 40 descriptors:
    # 30 / (3 * 5) * 40 / 20 = 4.
    assert support_of_access(30, 5, 40, 0.5, 100) == 4
    # Of 400 descriptors both weights reach the cap of 100: 30 / 15 * 100 / 100 = 2.
    assert support_of_access(30, 5, 400, 0.5, 100) == 2


def test_what_never_varied_is_as_unusual_as_can_be_when_it_does() -> None:
    assert support_of_access(1, 0, 40, 1, 100) == 100
    assert support_of_access(0, 0, 40, 1, 100) == 0
    assert support_of_access(10**9, 1, 40, 1, 100) == 100


def test_the_larger_of_both_decides_weighed_by_the_model() -> None:
    assert anomaly_value(0.5, 8, 3) == 4
    assert anomaly_value(0.5, 1, 30) == 15


def test_a_flood_is_far_from_every_period_of_the_model() -> None:
    # One period of 20 000 ms, deviation 1000; the flow has gaps of 1 ms only:
    # |20 000 - 1| * (1 + 1) / (3 * 1000) = 13.3.
    model = [NumberCluster(20_000, 1000, 1.0)]
    assert group_anomaly(model, [(1, 1.0)], 100) == pytest.approx(19_999 * 2 / 3000)
    # A tenth of the gaps still around the old period: it is the nearest, 0 * (1 + .1) / 3000 = 0.
    assert group_anomaly(model, [(1, 0.9), (20_000, 0.1)], 100) == 0


def test_the_group_anomaly_sums_over_the_clusters_of_the_model() -> None:
    # 12 s (share .7, deviation 100 ms) and 30 s (.3, 200 ms); the flow has 12.3 s alone:
    # 300 * (.7 + 1) / 300 + 17 700 * (.3 + 1) / 600 = 1.7 + 38.35.
    model = [NumberCluster(12_000, 100, 0.7), NumberCluster(30_000, 200, 0.3)]
    assert group_anomaly(model, [(12_300, 1.0)], 100) == pytest.approx(40.05)
    assert group_anomaly(model, [(12_300, 1.0)], 20) == 20


def test_without_periods_nothing_is_out_of_step() -> None:
    assert group_anomaly([], [(1, 1.0)], 100) == 0
    assert group_anomaly([NumberCluster(20_000, 1000, 1.0)], [], 100) == 0
