from __future__ import annotations

import pytest

from models.candidates import Candidate
from models.exchange.showings import Acceptance
from models.relationship import Key
from proxy.federation.storage.accepted import from_store, to_store
from proxy.federation.storage.base import MAX_ROWS


def acceptance(detail: str, time: int) -> Acceptance:
    key = Key("/light", own=False, operation="GET", data_type="boolean")
    return Acceptance(candidate=Candidate("/light", "relationship", key, detail), time=time)


def test_what_is_stored_comes_back() -> None:
    (stored,) = to_store([acceptance("kitchen", 5)])
    assert from_store(stored.body, stored.time) == acceptance("kitchen", 5)


def test_the_first_of_several_counts() -> None:
    stored = to_store([acceptance("a", 5), acceptance("b", 6), acceptance("a", 4)])
    assert sorted(each.time for each in stored) == [5, 6]
    assert [each.digest for each in stored] == sorted(each.digest for each in stored)


def test_the_key_is_the_same_in_every_process() -> None:
    (stored,) = to_store([acceptance("a", 5)])
    (again,) = to_store([acceptance("a", 9)])
    (other,) = to_store([acceptance("b", 5)])
    assert stored.digest == again.digest != other.digest


def test_too_many_are_refused() -> None:
    with pytest.raises(ValueError, match="at most"):
        to_store([acceptance(str(n), 5) for n in range(MAX_ROWS + 1)])
