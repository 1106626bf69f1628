"""`alleyes evaluate --report` as it is typed, and what it leaves in the directory."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from proxy.evaluation.report.compare import Run
from proxy.evaluation.report.write import PAGE, write_report
from proxy.main import main
from tests.proxy.evaluation.report.small import setting, trace

pytest.importorskip("matplotlib", reason="needs the extra `report`")

FILES = {PAGE, "figure2-decomposition.png", "figure3-roc.png", "figure4-errors.png"}


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["evaluate", *map(str, arguments)])


def test_a_page_and_its_pictures(path: Path, tmp_path: Path) -> None:
    answer = run(path, "--report", tmp_path / "new" / "page")
    assert answer.exit_code == 0, answer.output
    written = {each.name for each in (tmp_path / "new" / "page").iterdir()}
    assert written == FILES
    assert "11 of 11 more runs" in answer.stderr
    assert f"written to {tmp_path / 'new' / 'page' / PAGE}" in answer.stderr
    assert "alleyes: report" not in answer.stdout


def test_files_are_pictures_and_the_page_names_them(path: Path, made: list[Run], tmp_path: Path) -> None:
    page = write_report(tmp_path, setting(path), made, lambda _: None, processes=1)
    text = page.read_text(encoding="utf-8")
    for name in FILES - {PAGE}:
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG\r\n")
        assert name in text
    assert "/agent1/lightcontrol1" in text


def test_a_service_that_is_not_in_the_trace_is_told(path: Path, made: list[Run], tmp_path: Path) -> None:
    told: list[str] = []
    page = write_report(tmp_path, setting(path), made, told.append, service="/agent1/nobody", processes=1)
    assert any("no row of /agent1/nobody" in each for each in told)
    assert "no row of this service" in page.read_text(encoding="utf-8")


def test_a_report_needs_no_anomalies(tmp_path: Path) -> None:
    quiet = trace(tmp_path / "t.csv", label="normal")
    quiet.write_text("".join(each for each in quiet.open() if "anomalous" not in each))
    page = write_report(tmp_path / "page", setting(quiet), [], lambda _: None, processes=1)
    assert "There is no curve" in page.read_text(encoding="utf-8")
    assert not (tmp_path / "page" / "figure3-roc.png").exists()


def test_without_the_extra_the_remedy_is_named_before_the_work(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # as Python itself marks what cannot be imported
    answer = run(path, "--report", tmp_path / "page")
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert "alleyes[report]" in answer.stderr
    assert not (tmp_path / "page").exists()
    assert run(path).exit_code == 0


def test_a_directory_that_cannot_be_made_is_named(path: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    answer = run(path, "--report", tmp_path / "file" / "page")
    assert answer.exit_code == 2
    assert f"--report {tmp_path / 'file' / 'page'}: Not a directory" in answer.stderr


def test_a_service_without_a_report_is_a_mistake(path: Path) -> None:
    assert run(path, "--report-service", "/agent1/lightcontrol1").exit_code == 2
