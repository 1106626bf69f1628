from __future__ import annotations

from pathlib import Path

from proxy.audit.layout import HEAD_FILE, JOURNAL_FILE
from tests.proxy.audit.events import write


def test_a_journal_consists_of_these_files_and_no_others(tmp_path: Path) -> None:
    write(tmp_path / "audit", 1)

    assert {path.name for path in (tmp_path / "audit").iterdir()} == {JOURNAL_FILE, HEAD_FILE}
