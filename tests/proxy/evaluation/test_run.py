"""The loop: everything is judged in order, and what counts is counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.access import Access, Operation
from proxy.evaluation.run import CHUNK, Evaluation, Selection, evaluate
from proxy.evaluation.subject import Judgement
from proxy.evaluation.trace import Trace, TraceError
from tests.proxy.evaluation.traces import HEADER, START, line, write


class Remembering:
    """Refuses every write; remembers what it was asked."""

    def __init__(self) -> None:
        self.seen: list[Access] = []

    def judge(self, access: Access) -> Judgement:
        self.seen.append(access)
        refused = access.operation is Operation.SET
        return Judgement(float(refused), refused)


def judged(path: Path, lines: list[str], selection: Selection | None = None) -> tuple[Evaluation, Remembering]:
    subject = Remembering()
    return evaluate(Trace(write(path, lines)), subject, selection), subject


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "t.csv"


def test_every_row_is_judged_once_in_the_order_of_the_trace(path: Path) -> None:
    seconds = [*range(CHUNK * 2 + 3), 5]
    result, subject = judged(path, [HEADER, *(line(second) for second in seconds)])
    assert [(access.time - START) // 1000 for access in subject.seen] == seconds
    assert (result.judged, result.good, result.bad, result.figures.rows) == (
        len(seconds),
        len(seconds),
        0,
        len(seconds),
    )


def test_rows_that_do_not_count_are_judged_all_the_same(path: Path) -> None:
    lines = [HEADER, *(line(second) for second in range(10))]
    result, subject = judged(path, lines, Selection(start=4, end=8))
    assert (result.figures.rows, result.judged, len(subject.seen)) == (4, 8, 8)


def test_a_single_row_ahead_of_its_time_does_not_end_the_trace(path: Path) -> None:
    lines = [HEADER, line(0), line(100), line(1), line(2)]
    result, _ = judged(path, lines, Selection(end=50))
    assert result.figures.rows == 3


@pytest.mark.parametrize("first", [0, 1800, 7200])
def test_rows_earlier_than_the_first_count_too(path: Path, first: int) -> None:
    seconds = [first, *range(3600, 7200, 600), *range(0, 3600, 600)]
    result, _ = judged(path, [HEADER, *(line(second, "write") for second in seconds)])
    assert result.figures.rows == len(seconds) == 13
    assert result.start == START
    assert result.as_json()["errors_per_hour"] == [
        {"hour": hour, "false_positives": seconds_in(seconds, hour), "false_negatives": 0}
        for hour in range(3)
        if seconds_in(seconds, hour)
    ]


def seconds_in(seconds: list[int], hour: int) -> int:
    return sum(second // 3600 == hour for second in seconds)


def test_a_reversed_trace_counts_all_its_rows_but_from_a_second_on_those_after_it(path: Path) -> None:
    lines = [HEADER, *(line(second) for second in range(1000, 0, -10))]
    assert judged(path, lines)[0].figures.rows == 100
    with pytest.raises(TraceError, match="none of its 100 rows counts; widen"):
        judged(path, lines, Selection(start=10))


def test_rows_that_are_late_and_rows_without_a_type_are_told(path: Path) -> None:
    lines = [HEADER, line(0), line(200), line(139), line(140), line(210, sourceType="none"), line(150)]
    found = judged(path, lines)[0].as_json()
    assert (found["late_rows"], found["untyped_rows"]) == (1, 1)


def test_rows_count_by_any_columns(path: Path) -> None:
    lines = [f"{HEADER},content_real", *(f"{line(n, ['read', 'write'][n % 2])},{n // 2}" for n in range(8))]
    result, subject = judged(path, lines, Selection(where=[("content_real", "1"), ("operation", "write")]))
    assert (result.figures.rows, len(subject.seen)) == (1, 8)
    with pytest.raises(TraceError, match="no column 'real'"):
        judged(path, lines, Selection(where=[("real", "1")]))


def test_a_trace_of_which_nothing_counts_is_an_error(path: Path) -> None:
    with pytest.raises(TraceError, match="none of its 1 rows counts; widen"):
        judged(path, [HEADER, line()], Selection(start=10))
    with pytest.raises(TraceError, match="none of its 1 rows counts; widen"):
        judged(path, [HEADER, line()], Selection(end=1e-9))
    with pytest.raises(TraceError, match="holds no access"):
        judged(path, [HEADER])
    with pytest.raises(TraceError, match=r":2: has 2 columns, not 13; none of its 1 rows is an access"):
        judged(path, [HEADER, "a,b"])


def test_more_than_one_bad_row_in_a_hundred_is_too_bad(path: Path) -> None:
    good = [line(second) for second in range(198)]
    assert not judged(path, [HEADER, *good, "a", "b"])[0].too_bad
    result, _ = judged(path, [HEADER, *good, "a", "b", "c"])
    assert result.too_bad
    assert [row.line for row in result.bad_rows] == [200, 201, 202]


def test_the_figures_have_the_names_that_are_documented(path: Path) -> None:
    rows = [line(second) for second in range(0, 700, 10)]
    attack = [line(3600 + second, "write", "anomalous(spying)") for second in range(3)]
    result, _ = judged(path, [HEADER, *rows, *attack, line(3700, "write")])
    found = result.as_json()
    assert {
        "rows": 74,
        "normal": 71,
        "anomalous": 3,
        "true_positives": 3,
        "false_positives": 1,
        "true_negatives": 70,
        "false_negatives": 0,
        "detection_rate": 1.0,
        "accuracy": pytest.approx(73 / 74),
        "false_positive_rate": pytest.approx(1 / 71),
        "roc_auc": pytest.approx(70.5 / 71),
        "episodes": {"total": 1, "noticed": 1, "complete": 1},
        "bad_rows": 0,
        "judged": 74,
        "errors_per_hour": [{"hour": 1, "false_positives": 1, "false_negatives": 0}],
    }.items() <= found.items()
    classes = found["classes"]
    assert isinstance(classes, dict)
    assert classes["spying"] == {
        "rows": 3,
        "detected": 3,
        "detection_rate": 1.0,
        "first_detected_after": 1,
        "episodes": {"total": 1, "noticed": 1, "complete": 1},
    }
    assert isinstance(found["seconds"], float)
    assert isinstance(found["accesses_per_second"], float)


def test_the_whitelist_has_judged_the_same_rows(path: Path) -> None:
    rows = [line(second) for second in range(0, 700, 10)]
    attack = [line(3600 + second, "subscribe", "anomalous(spying)") for second in range(3)]
    result, _ = judged(path, [HEADER, *rows, *attack])
    assert (result.whitelist.rows, result.whitelist.detection_rate, result.whitelist.false_positive_rate) == (73, 1, 0)
    assert result.figures.detection_rate == 0


class Mining(Remembering):
    @property
    def mining_seconds(self) -> float:
        return 0.0


def test_who_can_tell_the_share_of_mining_is_asked(path: Path) -> None:
    assert evaluate(Trace(write(path, [HEADER, line()])), Mining()).as_json()["mining_share"] == 0.0
    assert judged(path, [HEADER, line()])[0].as_json()["mining_share"] is None
