"""Whether a report can be written is known before the work."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from proxy.commands.reporting import check_report


def test_a_directory_is_made(tmp_path: Path) -> None:
    check_report(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_what_cannot_be_made_is_named_with_the_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit, match="2"):
        check_report(tmp_path / "file" / "report")
    assert "give a directory that can be written" in capsys.readouterr().err


def test_without_the_extra_nothing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # as Python itself marks what cannot be imported
    with pytest.raises(SystemExit, match="2"):
        check_report(tmp_path / "report")
    assert not (tmp_path / "report").exists()
