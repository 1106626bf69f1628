from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from benchmarks.features import HEADING, main
from proxy.evaluation.report.variants import VARIANTS
from tests.proxy.evaluation.traces import hours_of_light, write


def test_each_feature_has_its_cost_in_a_row(tmp_path: Path) -> None:
    # Three hours of reads, then ten writes in four minutes: without operations they are reads as all others.
    trace = write(tmp_path / "trace.csv", hours_of_light())
    told = CliRunner().invoke(main, [str(trace), "--processes", "2"], catch_exceptions=False)
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in told.output.splitlines()]
    assert lines[0] == list(HEADING)
    assert [line[0] for line in lines[2:]] == ["nothing", *(each.name for each in VARIANTS)]
    detected = {line[0]: line[1] for line in lines[2:]}
    assert detected["nothing"] == detected["location"] == "100.00%"
    assert detected["operation"] == "0.00%"


def test_a_trace_that_is_none_is_told(tmp_path: Path) -> None:
    trace = write(tmp_path / "trace.csv", ["nonsense"])
    told = CliRunner().invoke(main, [str(trace), "--processes", "1"])
    assert told.exit_code == 1
    assert str(trace) in told.output
