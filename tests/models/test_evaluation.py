"""Figures of judged rows: hand-made cases, and what must hold for any."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.evaluation import EPISODE_GAP, Outcomes, errors_over_time, figures, roc_auc, roc_curve

Judged = tuple[int, str, str, float, bool]


def outcomes(rows: Sequence[Judged]) -> Outcomes:
    found = Outcomes()
    for time, label, source, av, refused in rows:
        found.add(time=time, label=label, source=source, av=av, refused=refused)
    return found


def attack(pattern: str, *, label: str = "scan", source: str = "/a/x", start: int = 0) -> list[Judged]:
    """Rows a second apart; `#` is a refused one."""
    return [(start + 1000 * n, label, source, float(mark == "#"), mark == "#") for n, mark in enumerate(pattern)]


def test_what_became_of_the_rows_is_counted() -> None:
    found = figures(outcomes([*attack("##."), *attack("#...", label="normal")]))
    assert (found.rows, found.normal, found.anomalous) == (7, 4, 3)
    assert (found.true_positives, found.false_negatives) == (2, 1)
    assert (found.false_positives, found.true_negatives) == (1, 3)
    assert found.detection_rate == pytest.approx(2 / 3)
    assert found.false_positive_rate == pytest.approx(1 / 4)
    assert found.accuracy == pytest.approx(5 / 7)


def test_every_label_but_normal_is_a_class_of_anomalies() -> None:
    found = figures(outcomes([*attack("#", label="harmless"), *attack(".", label="Normal")]))
    assert found.normal == 0
    assert {name: each.detection_rate for name, each in found.classes.items()} == {"harmless": 1.0, "Normal": 0.0}


def test_there_is_no_share_of_nothing() -> None:
    found = figures(Outcomes())
    assert (found.accuracy, found.detection_rate, found.false_positive_rate, found.roc_auc) == (None,) * 4
    assert found.classes == {}


def test_an_episode_ends_with_ten_silent_minutes() -> None:
    close = [*attack("#"), *attack("#", start=EPISODE_GAP - 1)]
    apart = [*attack("#"), *attack("#", start=EPISODE_GAP)]
    assert figures(outcomes(close)).episodes.total == 1
    assert figures(outcomes(apart)).episodes.total == 2


def test_classes_and_sources_have_episodes_of_their_own() -> None:
    rows = [*attack("#"), *attack("#", source="/a/y"), *attack("#", label="spying")]
    found = figures(outcomes(rows))
    assert found.episodes.total == 3
    assert found.classes["scan"].episodes.total == 2


@pytest.mark.parametrize(
    ("pattern", "noticed", "complete", "first"),
    [
        (".....#", 1, 1, 6),
        ("......#", 1, 0, 7),
        ("#####.", 1, 0, 1),
        ("#....", 1, 1, 1),
        ("...", 0, 0, None),
        ("........", 0, 0, None),
    ],
)
def test_an_episode_is_complete_if_all_is_refused_from_the_sixth_row_on(
    pattern: str, noticed: int, complete: int, first: int | None
) -> None:
    found = figures(outcomes(attack(pattern)))
    assert (found.episodes.noticed, found.episodes.complete) == (noticed, complete)
    assert found.classes["scan"].first_detected_after == first


def test_the_first_detection_is_that_of_the_slowest_episode_that_was_noticed() -> None:
    rows = [*attack("..#"), *attack(".#", start=EPISODE_GAP * 2), *attack("....", start=EPISODE_GAP * 4)]
    found = figures(outcomes(rows)).classes["scan"]
    assert found.first_detected_after == 3
    assert (found.episodes.total, found.episodes.noticed) == (3, 2)


def test_rows_out_of_order_are_of_the_same_episode() -> None:
    forth = attack("...###")
    assert figures(outcomes(forth[::-1])) == figures(outcomes(forth))


scored = st.lists(st.tuples(st.integers(0, 6).map(float), st.booleans()), min_size=2, max_size=60).filter(
    lambda rows: len({anomalous for _, anomalous in rows}) == 2
)


@given(scored)
def test_the_area_is_the_share_of_pairs_in_order(rows: list[tuple[float, bool]]) -> None:
    high = [av for av, anomalous in rows if anomalous]
    low = [av for av, anomalous in rows if not anomalous]
    pairs = [(a > b) + (a == b) / 2 for a in high for b in low]
    area = roc_auc(np.array([av for av, _ in rows]), np.array([anomalous for _, anomalous in rows]))
    assert area == pytest.approx(sum(pairs) / len(pairs))


@given(scored)
def test_the_area_is_that_below_the_curve(rows: list[tuple[float, bool]]) -> None:
    av, anomalous = np.array([av for av, _ in rows]), np.array([anomalous for _, anomalous in rows])
    wrongly, detected, thresholds = roc_curve(av, anomalous)
    assert np.trapezoid(detected, wrongly) == pytest.approx(roc_auc(av, anomalous))
    for x, y, threshold in zip(wrongly, detected, thresholds, strict=True):
        assert y == pytest.approx(np.mean(av[anomalous] >= threshold))
        assert x == pytest.approx(np.mean(av[~anomalous] >= threshold))


def test_infinite_values_are_the_highest_and_no_number_is_an_error() -> None:
    anomalous = np.array([True, False])
    assert roc_auc(np.array([np.inf, 1e300]), anomalous) == 1.0
    with pytest.raises(ValueError, match="row 1"):
        roc_auc(np.array([1.0, np.nan]), anomalous)


def test_there_is_no_curve_of_one_kind() -> None:
    with pytest.raises(ValueError, match="anomalous and normal"):
        roc_curve(np.array([1.0]), np.array([True]))


def test_errors_are_told_by_the_span_they_fall_in() -> None:
    rows = [*attack("#.", label="normal", start=0), *attack("..", start=60_000), *attack("#", start=180_000)]
    rows.append((125_000, "normal", "/a/y", 1.0, True))
    spans, wrongly, missed = errors_over_time(outcomes(rows), start=0, span=60_000)
    assert (spans.tolist(), wrongly.tolist(), missed.tolist()) == ([0, 1, 2], [1, 0, 1], [0, 2, 0])
