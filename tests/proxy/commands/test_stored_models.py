"""Models as commands read them."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.analyzer import Analyzer
from models.paper.analyzer import PaperAnalyzer
from proxy.commands.stored_models import missing, read


def test_the_scoring_is_told_by_the_content(tmp_path: Path) -> None:
    file = tmp_path / "models"
    for kind in (Analyzer, PaperAnalyzer):
        file.write_bytes(kind().dump())
        assert type(read(file)) is kind


def test_what_is_missing_ends_with_another_code_than_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        read(tmp_path / "none.bin")
    with pytest.raises(SystemExit, match="1"):
        missing("no models")
    assert "alleyes: no models" in capsys.readouterr().err
