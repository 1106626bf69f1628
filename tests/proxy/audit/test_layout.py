from __future__ import annotations

from pathlib import Path

from proxy.audit.layout import HEAD_FILE, JOURNAL_FILE, chain_of_worker, chains
from tests.proxy.audit.events import write


def test_the_supervisor_s_chain_comes_first_then_the_workers_by_number(tmp_path: Path) -> None:
    assert chains(tmp_path) == [tmp_path]
    for number in (10, 2):
        (tmp_path / chain_of_worker(number)).mkdir()
    (tmp_path / "worker-of-somebody").mkdir()
    assert chains(tmp_path) == [tmp_path, tmp_path / "worker-2", tmp_path / "worker-10"]


def test_a_journal_consists_of_these_files_and_no_others(tmp_path: Path) -> None:
    write(tmp_path / "audit", 1)

    assert {path.name for path in (tmp_path / "audit").iterdir()} == {JOURNAL_FILE, HEAD_FILE}
