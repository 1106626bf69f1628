from __future__ import annotations

import pytest

from models.candidates import Candidate
from models.exchange.showings import Acceptance
from models.exchange.votes import Vote, Vouched
from models.relationship import Key as Relation
from proxy.federation.storage import ruled
from proxy.federation.storage.base import MAX_ROWS, Ruling


def candidate(detail: str) -> Candidate:
    return Candidate("/light", "location", Relation("/light", own=False, operation="GET", data_type="boolean"), detail)


def acceptance(detail: str, time: int = 5) -> Acceptance:
    return Acceptance(candidate=candidate(detail), time=time)


def vouched(detail: str, *by: str) -> Vouched:
    return Vouched(acceptance(detail), tuple(Vote(origin, 1, 1, 5) for origin in by), 4, alone=False)


def test_what_is_stored_comes_back() -> None:
    (stored,) = ruled.told_rows([acceptance("kitchen")])
    assert ruled.ruling(stored.body, stored.time, 1) == Ruling(candidate("kitchen"), 5, withdrawn=True)


def test_the_first_of_several_counts() -> None:
    stored = ruled.told_rows([acceptance("a", 5), acceptance("b", 6), acceptance("a", 4)])
    assert sorted(each.time for each in stored) == [5, 6]
    assert [each.digest for each in stored] == sorted(each.digest for each in stored)
    assert ruled.digests([candidate("b"), candidate("a"), candidate("b")]) == [each.digest for each in stored]


def test_the_key_is_the_same_in_every_process() -> None:
    one, again, other = (ruled.Key.of(candidate(name)) for name in ("a", "a", "b"))
    assert one == again != other
    assert one.candidate == candidate("a")


def test_too_many_are_refused() -> None:
    ruled.check([None] * MAX_ROWS)
    with pytest.raises(ValueError, match="at most"):
        ruled.check([None] * MAX_ROWS, [None])


def test_what_holds_without_those_who_are_gone() -> None:
    some = [vouched("a", "one", "two"), vouched("b", "two", "three"), vouched("c", "one", "two", "three")]
    assert ruled.voters(some) == ["one", "three", "two"]
    held = [each for _, each in ruled.holding(some, {"two", "three"}).values()]
    assert sorted(each.acceptance.candidate.detail for each in held) == ["b", "c"]
    assert {vote.origin for each in held for vote in each.votes} == {"two", "three"}


def test_what_becomes_of_it_when_one_is_taken_out() -> None:
    one, two = Vote("one", 1, 1, 5), Vote("two", 1, 1, 5)
    key = ruled.Key.of(candidate("a"))
    votes = [(key.digest, vote) for vote in (one, two, Vote("three", 1, 1, 5))]

    def outcome(told: int, some: list[tuple[bytes, Vote]]) -> ruled.Change:
        (change,) = ruled.without(ruled.carried([(*key, 5, told, 4, 0)], some), "one")
        return change

    assert outcome(0, votes) == ruled.Change(key.digest, 3, withdrawn=False)
    assert outcome(0, votes[:2]) == ruled.Change(key.digest, 0, withdrawn=True)
    assert outcome(1, votes[:2]) == ruled.Change(key.digest, 0, withdrawn=False), "the level above says so too"
    assert [outcome(0, some).drops_votes for some in (votes, votes[:2])] == [False, True]
