"""`alleyes evaluate` as it is typed."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from models.analyzer import Analyzer
from proxy.evaluation.shipped import MAX_NODES
from proxy.main import main
from proxy.storage.model_store import CURRENT
from tests.proxy.evaluation.traces import HEADER, hours_of_light, line, write


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return write(tmp_path / "t.csv", hours_of_light())


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["evaluate", *map(str, arguments)])


def figures(*arguments: str | Path) -> dict[str, Any]:
    answer = run(*arguments, "-o", "json")
    assert answer.exit_code == 0, answer.output
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def timeless(found: dict[str, Any]) -> dict[str, Any]:
    measured = {"seconds", "accesses_per_second", "mining_share", "trace"}
    return {name: value for name, value in found.items() if name not in measured}


def test_an_attack_on_what_was_learnt_is_detected(trace: Path) -> None:
    found = figures(trace)
    assert (found["scoring"], found["federation"], found["warm"]) == ("alleyes", "live", False)
    assert (found["rows"], found["anomalous"]) == (550, 10)
    assert (found["detection_rate"], found["false_positive_rate"], found["roc_auc"]) == (1.0, 0.0, 1.0)
    assert found["classes"]["malitiousOperation"]["first_detected_after"] == 1
    assert found["episodes"] == {"total": 1, "noticed": 1, "complete": 1}
    assert found["whitelist_baseline"]["detection_rate"] == 1.0


def test_a_compressed_file_gives_the_same_figures(trace: Path, tmp_path: Path) -> None:
    packed = tmp_path / "t.csv.gz"
    packed.write_bytes(gzip.compress(trace.read_bytes()))
    assert timeless(figures(packed)) == timeless(figures(trace))


def test_the_table_says_the_same(trace: Path) -> None:
    answer = run(trace)
    assert answer.exit_code == 0
    assert "scoring alleyes, live, cold start" in answer.stdout
    assert "550 rows count: 540 normal, 10 anomalous" in answer.stdout
    (row,) = [each for each in answer.stdout.splitlines() if each.startswith("malitiousOperation")]
    assert row.split() == ["malitiousOperation", "10", "10", "100.000%", "1", "1", "1", "1"]


def test_a_part_of_the_trace_counts(trace: Path) -> None:
    assert figures(trace, "--count-from", "3600", "--count-to", "7200")["rows"] == 180
    assert figures(trace, "--count-where", "operation=write")["rows"] == 10
    both = figures(trace, "--count-where", "operation=read", "--count-where", "sourceID=lightcontrol1")
    assert (both["rows"], both["anomalous"], both["detection_rate"], both["classes"]) == (539, 0, None, {})


@pytest.mark.parametrize("federation", ["live", "shared", "isolated"])
def test_sites_may_learn_apart_or_together(trace: Path, federation: str) -> None:
    found = figures(trace, "--sites", "1-6,10-11", "--federation", federation)
    assert (found["federation"], found["detection_rate"]) == (federation, 1.0)


def test_thresholds_come_from_the_policy_and_modes_do_not(trace: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("mode: learn\nthresholds: {block: 7}\n")
    assert figures(trace, "--policy", policy)["detection_rate"] == 1.0
    policy.write_text("service_types: {/movementSensor: {thresholds: {alert: 0, block: 0}}}\n")
    assert figures(trace, "--policy", policy)["false_positive_rate"] == 0
    policy.write_text("service_types: {/lightControler: {thresholds: {alert: 0, block: 0}}}\n")
    assert figures(trace, "--policy", policy)["false_positive_rate"] > 0.9


def test_models_of_a_gateway_are_a_warm_start(trace: Path, tmp_path: Path) -> None:
    model = tmp_path / CURRENT
    model.write_bytes(Analyzer().dump())
    assert figures(trace, "--model", model)["warm"] is True
    model.write_bytes(b"something else")
    answer = run(trace, "--model", model)
    assert answer.exit_code == 2
    assert f"--model {model}: this is not a file of models" in answer.stderr
    answer = run(trace, "--model", tmp_path / "missing")
    assert answer.exit_code == 2
    assert "models.bin of a gateway" in answer.stderr


def test_bad_rows_are_named_and_do_not_change_the_figures(trace: Path, tmp_path: Path) -> None:
    lines = hours_of_light()
    flawed = write(tmp_path / "flawed.csv", [*lines[:100], line(operation="teleport"), "a,b", *lines[100:]])
    answer = run(flawed, "-o", "json")
    assert answer.exit_code == 0
    assert f"alleyes: {flawed}:101: operation 'teleport' is not known; skipped" in answer.stderr
    assert f"alleyes: {flawed}:102: has 2 columns, not 13; skipped" in answer.stderr
    found = json.loads(answer.stdout)
    assert found["bad_rows"] == 2
    assert timeless(found) == timeless(figures(trace)) | {"bad_rows": 2}


def test_too_many_bad_rows_are_an_error(tmp_path: Path) -> None:
    flawed = write(tmp_path / "flawed.csv", [*hours_of_light(), *["a,b"] * 7])
    answer = run(flawed, "-o", "json")
    assert answer.exit_code == 1
    assert answer.stderr.count("has 2 columns") == 7
    assert "7 of 557 rows cannot be read, more than 1%" in answer.stderr
    assert json.loads(answer.stdout)["bad_rows"] == 7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--count-where", "normality"], "write e.g. content_real=1"),
        (["--count-where", "real=1"], "has no column 'real'; it has sourceID"),
        (["--count-from", "10", "--count-to", "5"], "no row would count"),
        (["--count-from", "1e9"], "widen --count-from"),
        (["--count-from", "nan"], "nan is not a finite number"),
        (["--count-to", "nan"], "nan is not a finite number"),
        (["--save-model", "m.bin", "--scoring", "paper"], "only what the scoring alleyes learnt can be saved"),
        (["--save-model", "m.bin", "--federation", "isolated"], "use --federation live or shared"),
        (["--save-model", "/nowhere/m.bin"], "--save-model /nowhere/m.bin: cannot be written; give a file in"),
        (["--sites", "6-1"], "ends before it begins"),
        (["--scoring", "guess"], "'guess' is not one of"),
    ],
)
def test_what_makes_no_sense_is_told(trace: Path, arguments: list[str], message: str) -> None:
    answer = run(trace, *arguments)
    assert answer.exit_code == 2
    assert message in " ".join(answer.stderr.split())
    assert answer.stdout == ""


def test_files_that_cannot_be_used_are_told(tmp_path: Path, trace: Path) -> None:
    answer = run(tmp_path / "missing.csv")
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert answer.stderr == f"alleyes: {tmp_path / 'missing.csv'} does not exist; give the path of a trace\n"
    policy = tmp_path / "policy.yaml"
    policy.write_text("mode: strict\n")
    answer = run(trace, "--policy", policy)
    assert answer.exit_code == 2
    assert answer.stderr.startswith(f"alleyes: {policy}:1: mode")


def test_a_trace_of_too_many_agents_is_refused(tmp_path: Path) -> None:
    lines = [HEADER, *(line(second, sourceAddress=f"/agent{second}/light") for second in range(MAX_NODES + 1))]
    answer = run(write(tmp_path / "t.csv", lines))
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert f"more than {MAX_NODES} agents" in answer.stderr
    assert "split it by sites" in answer.stderr


def test_a_trace_without_source_types_is_a_warning_wherever_types_matter(tmp_path: Path) -> None:
    lines = [HEADER, *(line(second, sourceType="") for second in range(0, 2000, 20))]
    untyped = write(tmp_path / "t.csv", lines)
    found = figures(untyped)
    assert found["untyped_rows"] == 100
    (warning,) = found["warnings"]
    assert warning.startswith("100 of 100 rows name no source type: the scoring alleyes")
    assert f"alleyes: {untyped}: warning: {warning}" in run(untyped, "-o", "json").stderr
    assert f"WARNING: {warning}\n" in run(untyped).stdout
    assert len(figures(untyped, "--scoring", "reference")["warnings"]) == 1
    assert figures(untyped, "--scoring", "paper")["warnings"] == []


def test_a_trace_that_is_not_sorted_is_a_warning(trace: Path, tmp_path: Path) -> None:
    lines = hours_of_light()
    found = figures(write(tmp_path / "reversed.csv", [lines[0], *lines[:0:-1]]))
    assert (found["rows"], found["bad_rows"]) == (550, 0)
    assert found["late_rows"] > 500
    assert "sort the trace by its time stamps" in found["warnings"][0]
    assert figures(trace)["warnings"] == []


def test_one_row_of_the_future_changes_nothing_but_the_number_of_bad_rows(trace: Path, tmp_path: Path) -> None:
    lines = hours_of_light()
    for second in (3600 * 9, 3600 * 100_000):
        flawed = write(tmp_path / "flawed.csv", [*lines[:30], line(second), *lines[30:]])
        assert timeless(figures(flawed)) == timeless(figures(trace)) | {"bad_rows": 1}


def test_figures_are_printed_even_if_the_model_cannot_be_saved(trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_path: Path, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    answer = run(trace, "--save-model", trace.parent / "m.bin", "-o", "json")
    assert answer.exit_code == 1
    assert json.loads(answer.stdout)["rows"] == 550
    assert "m.bin: No space left on device; give a file that can be written" in answer.stderr
