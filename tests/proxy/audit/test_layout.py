from __future__ import annotations

from pathlib import Path

from proxy.audit.layout import HEAD_FILE, JOURNAL_FILE, chain_of_worker, chains, rotated, rotated_file
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


def test_rotated_files_sort_by_the_number_of_their_first_record(tmp_path: Path) -> None:
    for first in (1000, 9, 100_000_000):
        (tmp_path / rotated_file(first)).touch()
    (tmp_path / "journal-copy.jsonl").touch()
    (tmp_path / JOURNAL_FILE).touch()
    assert rotated(tmp_path) == [tmp_path / rotated_file(first) for first in (9, 1000, 100_000_000)]
