"""What is left in the file: no votes of what does not hold. What both stores do is in tests/contracts."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from models.candidates import Candidate
from models.exchange.showings import Acceptance
from models.exchange.votes import Vote, Vouched
from models.relationship import Key
from proxy.federation.storage import sqlite_rulings
from proxy.federation.storage.base import Row
from proxy.federation.storage.sqlite import SqliteStore


def vouched(name: str, time: int = 5) -> Vouched:
    candidate = Candidate("/light", "relationship", Key(name, own=False, operation="GET", data_type=""))
    votes = (Vote("a", 1, 1, time), Vote("b", 2, 3, time))
    return Vouched(Acceptance(candidate=candidate, time=time), votes, 4, alone=False)


async def test_votes_go_with_what_they_carried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_rulings, "MAX_ACCEPTANCES", 2)
    path = tmp_path / "federation.db"
    store = SqliteStore(path)
    await store.open()
    await store.put([Row(origin, "showings", 1, 1, b"x") for origin in ("a", "b")])
    await store.accept([vouched("/one", 1), vouched("/two", 2), vouched("/three", 3)])
    with closing(sqlite3.connect(path)) as database:
        kept = database.execute(
            "SELECT origin, witnesses, instances, onset FROM votes ORDER BY onset, origin"
        ).fetchall()
        assert kept == [("a", 1, 1, 2), ("b", 2, 3, 2), ("a", 1, 1, 3), ("b", 2, 3, 3)], "/one gave way"
        await store.remove("a")
        assert database.execute("SELECT COUNT(*) FROM votes").fetchone() == (0,)
        assert database.execute("SELECT withdrawn, homes FROM rulings").fetchall() == [(1, 0)] * 2
    await store.close()
