"""`alleyes simulate site`."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from proxy.evaluation.trace import Trace
from proxy.main import main


def simulate(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["simulate", "site", *arguments])


def test_a_trace_can_be_evaluated_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    result = simulate("--sites", "2", "--hours", "1", "--attacks", "paper,slowDoS:3", "-o", str(path))
    assert result.exit_code == 0, result.output
    trace = Trace(path)
    rows = list(trace)
    assert trace.bad == 0
    assert f"{len(rows)} rows; alleyes evaluate {path} --sites 1-" in result.stderr
    assert {"normal", "scan", "slowDoS"} <= {row.label for row in rows}


def test_the_same_arguments_give_the_same_bytes_compressed_or_not(tmp_path: Path) -> None:
    arguments = ("--hours", "0.3", "--seed", "7", "--disorder", "0.1", "-o")
    paths = [tmp_path / name for name in ("a.csv", "b.csv", "a.csv.gz", "b.csv.gz")]
    for path in paths:
        assert simulate(*arguments, str(path)).exit_code == 0
    plain, again, packed, packed_again = (path.read_bytes() for path in paths)
    assert plain == again
    assert packed == packed_again
    assert gzip.decompress(packed) == plain


def test_a_trace_goes_to_standard_output_by_default() -> None:
    result = simulate("--hours", "0.2", "--sites", "1")
    assert result.stdout.startswith("sourceID,sourceAddress,")
    assert "rows; alleyes evaluate TRACE --sites 1-" in result.stderr


def test_attacks_may_be_in_a_file(tmp_path: Path) -> None:
    attacks, path = tmp_path / "attacks.yaml", tmp_path / "trace.csv"
    attacks.write_text("- {name: malitiousControl, site: 1, start: 1200}\n- scan:0.5\n", encoding="utf-8")
    assert simulate("--hours", "1", "--attacks", str(attacks), "-o", str(path)).exit_code == 0
    assert {row.label for row in Trace(path)} == {"normal", "malitiousControl", "scan"}


def test_regimes_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    regimes = ("--brownfield", "--silent", "0.5-0.9", "--day-night", "--update-at", "100")
    assert simulate("--hours", "1", *regimes, "-o", str(path)).exit_code == 0
    assert "registerService" not in path.read_text(encoding="utf-8")


def test_timers_and_accesses_between_them_are_taken() -> None:
    arguments = ("--hours", "1", "--seed", "3")
    plain = simulate(*arguments).stdout
    timed = simulate(*arguments, "--timers", "2", "--attacks", "maliciousPeriod:1").stdout
    assert simulate(*arguments, "--timers", "0").stdout == plain
    assert "anomalous(maliciousPeriod)" in timed
    assert timed != plain


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--attacks", "scam"), "no attack"),
        (("--attacks", "absent.yaml"), "absent.yaml"),
        (("--silent", "soon"), "two hours of the day"),
        (("--silent", "1-99"), "hours of the day"),
        (("--sites", "0"), "1<=x"),
        (("-o", "/nowhere/trace.csv"), "--output /nowhere/trace.csv: No such file or directory; give a file"),
        (("--attacks", "slowDoS:1e9"), "slowDoS: a strength is a number from 0.1 to 1000"),
        (("--attacks", "poisoningTwo", "--sites", "1"), "poisoningTwo needs 2 sites, there is 1"),
        (("--update-at", "nan"), "nan is not a finite number"),
        (("--hours", "nan"), "nan is not a finite number"),
        (("--hours", "1e9"), "<=8784"),
        (("--timers", "13"), "0<=x<=12"),
        (("--disorder", "nan"), "nan is not a finite number"),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused(arguments: tuple[str, ...], complaint: str) -> None:
    result = simulate("--hours", "0.1", *arguments)
    assert result.exit_code == 2
    assert complaint in " ".join(result.stderr.split())


def test_attacks_are_listed_with_their_strengths() -> None:
    result = simulate("--list-attacks")
    assert "slowDoS              strength 4, 0.1 to 1000: times the usual rate; 6 episodes" in result.stdout


def federation(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["simulate", "federation", *arguments])


def test_a_part_of_a_federation_is_simulated_and_told_as_json() -> None:
    result = federation("--part", "partition", "--quick", "-o", "json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    hashes = {json.dumps(each["digests"]) for each in found["partition"]["outcomes"]}
    assert len(found["partition"]["outcomes"]) == 3
    assert len(hashes) == 1
    assert found["healing"] is None
    assert "partition: " in result.stderr


def test_a_report_that_cannot_be_written_is_told_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = federation("--report", str(tmp_path / "file" / "report"))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Not a directory" in result.stderr


def test_a_part_that_does_not_exist_is_refused() -> None:
    result = federation("--part", "weather")
    assert result.exit_code == 2
    assert "convergence" in result.stderr
