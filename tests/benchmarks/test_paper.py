from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from benchmarks.paper import THRESHOLDS, main
from tests.proxy.evaluation.traces import hours_of_light, write


def test_figures_for_every_threshold_and_the_best(tmp_path: Path) -> None:
    # Three hours of reads, then ten writes in four minutes. Those of the first minute, 3, score 100; then that minute
    # has taught, and what only writes is a cluster of its own.
    trace = write(tmp_path / "trace.csv", hours_of_light())
    told = CliRunner().invoke(main, [str(trace), "--max-model-weight", "100"], catch_exceptions=False)
    rows = [each.split() for each in told.output.splitlines()[1:]]
    assert [float(row[1]) for row in rows[:-1]] == list(THRESHOLDS)
    assert rows[-1][2:4] == ["30.00%", "0.000%"]


def test_a_trace_that_is_none_is_told(tmp_path: Path) -> None:
    trace = write(tmp_path / "trace.csv", ["nonsense"])
    told = CliRunner().invoke(main, [str(trace)])
    assert told.exit_code == 1
    assert str(trace) in told.output
