from __future__ import annotations

import sqlite3

import pytest

from proxy.federation.storage.base import StoreError
from proxy.federation.storage.migrations import POSTGRES, SQLITE, VERSION, Dialect, steps


@pytest.mark.parametrize("dialect", [SQLITE, POSTGRES], ids=["sqlite", "postgres"])
def test_a_current_database_needs_nothing(dialect: Dialect) -> None:
    assert list(steps(dialect, VERSION, "here")) == []


def test_a_newer_database_is_refused() -> None:
    with pytest.raises(StoreError, match=r"^here has form \d+, of a newer alleyes; .*install the newer again"):
        list(steps(SQLITE, VERSION + 1, "here"))


def test_every_step_can_be_repeated() -> None:
    """A process may be killed between a statement and the note that it was done."""
    with sqlite3.connect(":memory:") as database:
        for _ in range(2):
            for statement in steps(SQLITE, 0, "here"):
                database.execute(statement)
    database.close()


def test_each_statement_is_one() -> None:
    assert all(sqlite3.complete_statement(f"{statement};") for statement in steps(SQLITE, 0, "here"))
    assert "{" not in "".join(steps(POSTGRES, 0, "here"))
