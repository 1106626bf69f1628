from __future__ import annotations

from pathlib import Path

import pytest

from proxy.audit.layout import chain_of_worker, rotated
from proxy.audit.query import Query
from proxy.audit.reader import Record
from proxy.audit.retention import Retention
from proxy.audit.search import after, search
from tests.proxy.audit.events import event, write

ROTATING = Retention(file_bytes=4000)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Forty verdicts, a second apart, in turns of ten in the chains of two workers, in several files each."""
    write(tmp_path, 0)
    for number in range(4):
        write(tmp_path / chain_of_worker(number % 2), 10, first=10 * number, retention=ROTATING)
    assert len(rotated(tmp_path / "worker-0")) > 2
    return tmp_path


def ids(found: list[Record]) -> list[object]:
    return [record.data["id"] for record in found]


def expected(*numbers: int) -> list[object]:
    return [event(number).verdict.id for number in numbers]


def test_the_newest_come_first_through_chains_and_rotated_files(log: Path) -> None:
    assert ids(list(search(log, Query()))) == expected(*reversed(range(40)))


def test_a_range_of_time(log: Path) -> None:
    query = Query(since="2025-11-13T02:13:28.000Z", until="2025-11-13T02:13:32.000Z")
    assert ids(list(search(log, query))) == expected(11, 10, 9, 8)


def test_only_as_much_is_read_as_is_taken(log: Path) -> None:
    found = search(log, Query())
    assert ids([next(found)]) == expected(39)
    for path in rotated(log / "worker-1"):
        path.unlink()
    assert ids([next(found)]) == expected(38)


def test_all_that_came_after_a_position_oldest_first(log: Path) -> None:
    found = list(after(log, Query(), {}))
    assert ids([record for _, _, record in found]) == expected(*range(40))
    positions = {chain: number for chain, number, _ in found[:25]}
    assert positions == {"worker-0": 15, "worker-1": 10}
    rest = [record for _, _, record in after(log, Query(), positions)]
    assert ids(rest) == expected(*range(25, 40))
    assert list(after(log, Query(), {"worker-0": 20, "worker-1": 20})) == []
