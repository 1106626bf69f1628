"""The runs that a report compares."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from policy.document import PolicyDocument
from proxy.evaluation.report.compare import MOST_POINTS, Roc, Run, Task, compare, perform, tasks
from proxy.evaluation.report.variants import VARIANTS
from proxy.evaluation.run import evaluate
from proxy.evaluation.scoring import Scoring, subject_for
from proxy.evaluation.shipped import Federation
from proxy.evaluation.sites import SiteMap
from proxy.evaluation.trace import Trace, TraceError
from tests.proxy.evaluation.report.small import setting
from tests.proxy.evaluation.traces import hours_of_light, line, write


def test_every_scoring_and_every_feature_has_a_run(made: list[Run]) -> None:
    assert [each.name for each in made] == [
        "alleyes", "the paper's formulas", "authors' rules", *(f"without {each.name}" for each in VARIANTS)
    ]  # fmt: skip


def test_the_figures_are_those_of_an_evaluation(path: Path, made: list[Run]) -> None:
    for scoring in Scoring:
        subject = subject_for(scoring, policy=PolicyDocument(), sites=SiteMap(), federation=Federation.LIVE, state=None)
        (run,) = [each for each in made if each.task == Task(scoring)]
        assert run.figures == evaluate(Trace(path), subject).figures


def test_what_a_feature_is_good_for_shows_without_it(made: list[Run]) -> None:
    by_name = {each.name: each.figures.classes for each in made}
    assert by_name["alleyes"]["malitiousOperation"].detection_rate == 1.0
    assert by_name["without operation"]["malitiousOperation"].detected == 0
    assert by_name["alleyes"]["DoSattack"].detected > 90
    assert by_name["without time"]["DoSattack"].detected == 0


def test_table_two_comes_with_the_shipped_scoring(made: list[Run]) -> None:
    assert [each.service_type for each in made[0].tables] == ["/lightControler"]
    assert all(not each.tables for each in made[1:])


def test_isolated_sites_are_added_up(tmp_path: Path) -> None:
    other = {"sourceAddress": "/agent9/lightcontrol9", "sourceID": "lightcontrol9"}
    rows = hours_of_light(1)
    path = write(tmp_path / "t.csv", [*rows, *(line(second, **other) for second in range(3600, 7200, 20))])
    apart = replace(setting(path), federation=Federation.ISOLATED, sites=SiteMap.parse("1,9"))
    run = perform(apart, Task(Scoring.ALLEYES))
    assert run.groups == 2
    (table,) = run.tables
    assert table.weight >= 110


def test_runs_that_were_made_are_not_made_again(path: Path, made: list[Run]) -> None:
    told: list[str] = []
    found = compare(setting(path), made[:-1], told.append, processes=1)
    assert told == [f"1 of 1 more runs: without {VARIANTS[-1].name}"]
    assert all(one is other for one, other in zip(found[:-1], made[:-1], strict=True))
    assert found[-1].figures == made[-1].figures


def test_processes_change_nothing(path: Path, made: list[Run]) -> None:
    found = compare(setting(path), made[:-2], lambda _: None, processes=2)
    assert [each.task for each in found] == list(tasks())
    assert [each.figures for each in found] == [each.figures for each in made]


def test_a_trace_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"gone\.csv does not exist"):
        compare(setting(tmp_path / "gone.csv"), [], lambda _: None, processes=1)


def test_without_anomalies_there_is_no_curve(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", [each for each in hours_of_light(1) if "anomalous" not in each])
    assert perform(setting(path), Task(Scoring.ALLEYES)).roc is None


def test_a_curve_is_read_at_a_budget() -> None:
    curve = Roc(np.array([0.0, 0.001, 0.01, 1.0]), np.array([0.2, 0.5, 0.9, 1.0]))
    assert [curve.at(each) for each in (0.0, 0.0005, 0.001, 0.5, 1.0)] == [0.2, 0.2, 0.5, 0.9, 1.0]


def test_curves_rise_from_left_to_right_and_stay_small(made: list[Run]) -> None:
    for run in made:
        assert run.roc is not None
        assert len(run.roc.false_positive_rate) <= MOST_POINTS
        assert (np.diff(run.roc.false_positive_rate) > 0).all()
        assert (np.diff(run.roc.detection_rate) >= 0).all()
        assert (run.roc.false_positive_rate[-1], run.roc.detection_rate[-1]) == (1.0, 1.0)


def test_errors_add_up_to_the_figures(made: list[Run]) -> None:
    for run in made:
        assert run.errors.false_positives.sum() == run.figures.false_positives
        assert run.errors.false_negatives.sum() == run.figures.false_negatives
