"""Detection on a labelled trace, measured as live calls are judged."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from benchmarks.replay import main, read_trace, replay

COLUMNS = [
    "sourceAddress",
    "sourceType",
    "sourceLocation",
    "destinationServiceAddress",
    "destinationServiceType",
    "destinationLocation",
    "accessedNodeAddress",
    "accessedNodeType",
    "operation",
    "value",
    "timestamp",
    "normality",
]


def row(second: float, operation: str, label: str = "normal") -> list[str]:
    light, movement = "/agent1/lightcontrol1", "/agent1/movement1"
    ends = [light, "/lightControler", "hall", movement, "/movementSensor", "hall", f"{movement}/movement"]
    return [*ends, "/derived/boolean", operation, "1", f"{1.52e12 + second * 1000:.12E}", label]


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """Two hours of a light that reads, then three writes that it never did before."""
    rows = [row(second, "read") for second in range(0, 7200, 20)]
    rows += [row(7200 + second, "write", "anomalous(malitiousOperation)") for second in (1, 60, 120)]
    path = tmp_path / "trace.csv.gz"
    with gzip.open(path, "wt", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    return path


def test_what_was_never_done_is_detected_and_the_rest_is_not(trace: Path) -> None:
    outcome = replay(read_trace(trace), learn_seconds=3600, count_to=float("inf"))
    assert (outcome.detection_rate, outcome.false_positive_rate) == (1.0, 0.0)
    assert outcome.rows == {"normal": 360, "malitiousOperation": 3}


def test_rows_behind_the_end_do_not_count(trace: Path) -> None:
    assert replay(read_trace(trace), learn_seconds=3600, count_to=1200).rows == {"normal": 60}


def test_the_figures_are_printed(trace: Path) -> None:
    answer = CliRunner().invoke(main, [str(trace)])
    assert answer.exit_code == 0
    assert "detection 100.00%, false positives 0.000% of 360 normal rows" in answer.output


def test_a_file_of_something_else_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(click.ClickException, match=r"other\.csv:2"):
        list(read_trace(path))
