"""Detection side by side."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import contenders, detection
from benchmarks.contenders import Run
from benchmarks.detection import detected_at, main
from benchmarks.household import attacked_home
from proxy.evaluation.trace import COLUMNS, OPERATIONS

METHODS = ("one model sees all", "live hierarchy", "paper", "authors", "whitelist", "HalfSpaceTrees", "IsolationForest")


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """A simulated home in the form of the data set."""
    words = {operation: word for word, operation in reversed(OPERATIONS.items())}
    path = tmp_path / "trace.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for access, label in ((each.access, each.label) for each in attacked_home(1.5, seed=3)):
            writer.writerow(
                [
                    access.source.rsplit("/", 1)[-1],
                    access.source,
                    access.source_type,
                    access.source_location,
                    access.destination,
                    access.destination_type,
                    access.destination_location,
                    access.node,
                    access.data_type,
                    words[access.operation],
                    access.value or "none",
                    access.time,
                    label if label == "normal" else f"anomalous({label})",
                ]
            )
    return path


def run(av: list[float]) -> Run:
    return Run(av=np.array(av), refused=np.array(av) > 5, seconds=1, state=1)


def test_the_best_threshold_is_chosen_in_hindsight() -> None:
    anomalous = [False] * 4 + [True] * 4
    assert detected_at(run([1, 2, 3, 9, 4, 4, 8, 8]), anomalous, most=0.0) == 0
    assert detected_at(run([1, 2, 3, 9, 4, 4, 8, 8]), anomalous, most=0.25) == 1
    assert detected_at(run([1, 2, 3, 6, 4, 4, 8, 8]), anomalous, most=0.0) == 0.5


def test_every_method_has_its_line(trace: Path) -> None:
    answer = CliRunner().invoke(main, [str(trace), "--sites", "1-2"])
    assert answer.exit_code == 0, answer.output
    lines = answer.output.splitlines()
    for method in METHODS:
        (line,) = [line for line in lines if method in line]
        assert "not installed" in line or line.count("%") == 3


def test_a_missing_library_leaves_a_line(trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contenders, "find_spec", lambda _: None)
    answer = CliRunner().invoke(main, [str(trace)])
    assert "left out: river is not installed" in answer.output
    assert "left out: sklearn is not installed" in answer.output


def test_without_a_trace_a_home_is_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detection, "SIMULATED_HOURS", 1.5)
    monkeypatch.setattr(contenders, "find_spec", lambda _: None)
    answer = CliRunner().invoke(main, [])
    assert answer.exit_code == 0, answer.output
    assert answer.output.startswith("detection: a simulated home (1.5 h, seed 1); ")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [(["--hours", "0.1"], "normal and anomalous rows"), (["--sites", "6-1"], "ends before it begins")],
)
def test_what_cannot_be_measured_is_said(trace: Path, arguments: list[str], reason: str) -> None:
    answer = CliRunner().invoke(main, [str(trace), *arguments])
    assert answer.exit_code == 1
    assert reason in answer.output


def test_a_file_of_something_else_is_named(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("sourceAddress,b\n1,2\n")
    answer = CliRunner().invoke(main, [str(path)])
    assert answer.exit_code == 1
    assert "other.csv:1" in answer.output
