"""Drafts never replace what somebody has written."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.commands.new_file import write_new


def test_a_new_file_is_written_and_one_that_exists_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "draft.yaml"
    write_new(path, "first")
    with pytest.raises(SystemExit, match="2"):
        write_new(path, "second", otherwise=", or merge")
    assert path.read_text() == "first"
    assert f"{path}: exists already -- give another path, or merge" in capsys.readouterr().err


def test_what_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        write_new(tmp_path / "none" / "draft.yaml", "text")
    assert "give a path that can be written to" in capsys.readouterr().err
