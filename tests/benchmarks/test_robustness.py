"""Every scenario, all seeds pooled."""

from __future__ import annotations

import json

import msgspec
import pytest
from click.testing import CliRunner

from benchmarks import robustness
from benchmarks.robustness import HEADER, Run, after_updates, line, main, measure, pooled, run
from benchmarks.scenarios import load
from models.evaluation import NORMAL, Outcomes, figures
from proxy.evaluation.shipped import Federation

HOUR = 3_600_000
SMALL = {
    "short": {"sites": 2, "hours": 1, "attacks": ["scan", "spying"]},
    "updated": {"sites": 1, "hours": 0.2, "update_at": 300},
}
PUBLISHED = msgspec.structs.replace(load(), scenarios=SMALL)


def outcomes(*rows: tuple[int, str, bool]) -> Outcomes:
    """Rows of (time, label, refused)."""
    found = Outcomes()
    for time, label, refused in rows:
        found.add(time=time, label=label, source="/agent1/lock1", av=9.0 if refused else 0.0, refused=refused)
    return found


def ran(*rows: tuple[int, str, bool], after_update: int | None = None) -> Run:
    return Run(figures(outcomes(*rows)), after_update)


def test_false_positives_of_the_hour_after_an_update_are_apart() -> None:
    found = outcomes(
        (99, NORMAL, True),
        (100, NORMAL, True),
        (200, NORMAL, False),
        (300, "scan", True),
        (HOUR + 99, NORMAL, True),
        (HOUR + 100, NORMAL, True),
    )
    assert after_updates(found, [100]) == 2
    # Hours that overlap count a row once.
    assert after_updates(found, [100, 101]) == 3
    assert after_updates(found, [5 * HOUR]) == 0
    assert after_updates(found, []) is None


def test_seeds_are_added_up_before_shares_are_taken() -> None:
    long = [(turn, "scan", turn >= 2) for turn in range(8)]
    one = ran(*long, (1000, "spying", True), (2000, NORMAL, True), *((3000, NORMAL, False),) * 5)
    other = ran((0, "scan", False), (10, "scan", False), *((3000, NORMAL, False),) * 4)
    row = pooled(PUBLISHED, "short", Federation.LIVE, [one, other])
    assert (row.anomalous, row.true_positives, row.detection_rate) == (11, 7, 7 / 11)
    assert row.least_detection_rate == 0
    assert (row.normal, row.false_positives, row.false_positive_rate) == (10, 1, 0.1)
    assert (row.episodes.total, row.episodes.noticed, row.episodes.complete) == (3, 2, 2)
    assert row.weakest == "scan"
    scan = row.classes["scan"]
    assert (scan.rows, scan.detected, scan.detection_rate, scan.first_detected_after) == (10, 6, 0.6, 3)
    assert (scan.episodes.total, scan.episodes.noticed) == (2, 1)
    assert row.false_positives_after_update is None


def test_with_one_class_none_is_the_weakest_and_with_none_nothing_is_detected() -> None:
    row = pooled(PUBLISHED, "short", Federation.LIVE, [ran((0, "scan", True), (1, NORMAL, False))])
    assert row.weakest is None
    empty = pooled(PUBLISHED, "updated", Federation.LIVE, [ran((1, NORMAL, True), after_update=1)] * 2)
    assert (empty.detection_rate, empty.least_detection_rate, empty.classes) == (None, None, {})
    assert empty.false_positives_after_update == 2


def test_a_row_of_the_table_stands_below_its_header() -> None:
    row = pooled(PUBLISHED, "updated", Federation.LIVE, [ran((0, "scan", True), (1, NORMAL, True), after_update=1)])
    names, values = HEADER, line(row, "1 h, whatever")
    for name, value in (("detected", "100.00%"), ("rate", "100.0000%"), ("updates", "1"), ("complete", "1")):
        end = names.index(f" {name} ") + len(name) + 1
        assert values[:end].endswith(f" {value}"), (name, values)
    assert values.endswith("1 h, whatever")


def test_a_scenario_is_judged_cold_by_what_ships() -> None:
    found = run(PUBLISHED, "short", 11, Federation.SHARED)
    assert set(found.figures.classes) == {"scan", "spying"}
    assert found.figures.detection_rate is not None
    assert found.figures.detection_rate > 0.5
    assert found.figures.false_positives < 0.01 * found.figures.normal
    assert found.after_update is None


def test_runs_beside_each_other_come_in_the_order_that_was_asked_for() -> None:
    federations = [Federation.LIVE, Federation.ISOLATED]
    rows = list(measure(PUBLISHED, ["updated", "short"], [11, 12], federations))
    assert [(row.scenario, row.federation) for row in rows] == [
        (name, federation) for name in ("updated", "short") for federation in federations
    ]
    runs = [run(PUBLISHED, "short", seed, Federation.ISOLATED) for seed in (11, 12)]
    assert rows[-1] == pooled(PUBLISHED, "short", Federation.ISOLATED, runs)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(robustness, "load", lambda: PUBLISHED)


@pytest.mark.usefixtures("small")
def test_the_table_names_seeds_and_settings() -> None:
    answer = CliRunner().invoke(main, ["--tuning", "--scenario", "updated"])
    assert answer.exit_code == 0, answer.output
    told, _, *rows = answer.output.splitlines()
    assert "seeds 11 12 13 pooled" in told
    (row,) = rows
    assert row.split()[:2] == ["updated", "live"]
    assert row.endswith("sites 1, 0.2 h, update at 0.0833333 h")


@pytest.mark.usefixtures("small")
def test_the_same_as_json() -> None:
    answer = CliRunner().invoke(main, ["--seed", "12", "--scenario", "short", "--federation", "shared", "-o", "json"])
    assert answer.exit_code == 0, answer.output
    found = json.loads(answer.output)
    assert found["seeds"] == [12]
    (row,) = found["rows"]
    assert (row["scenario"], row["federation"], row["settings"]) == ("short", "shared", SMALL["short"])
    assert row["anomalous"] == sum(each["rows"] for each in row["classes"].values())
    assert row["weakest"] in row["classes"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [(["--scenario", "nowhere"], "there are plain, "), (["--tuning", "--seed", "1"], "leave --seed out")],
)
def test_what_cannot_be_measured_is_said(arguments: list[str], reason: str) -> None:
    answer = CliRunner().invoke(main, arguments)
    assert answer.exit_code == 2
    assert reason in answer.output
