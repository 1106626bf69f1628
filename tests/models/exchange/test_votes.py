from __future__ import annotations

from models.candidates import WINDOW, Candidate
from models.exchange.showings import Acceptance
from models.exchange.votes import MAX_VOTES, Vote, Vouched, kept
from tests.models.accesses import START
from tests.models.exchange.observed import READ

NEW = Acceptance(candidate=Candidate("/light", "relationship", READ), time=START)
LATER = START + WINDOW + 1


def test_two_sites_that_began_together_are_enough() -> None:
    found = Vouched(
        NEW, (Vote("a", 1, 1, START), Vote("b", 1, 1, START + WINDOW), Vote("c", 1, 1, LATER)), 9, alone=False
    )
    assert found.stands
    assert found.without({"c"}).stands
    assert not found.without({"a"}).without({"c"}).stands
    assert found.without({"nobody"}) == found


def test_sites_that_did_not_are_enough_while_they_are_nearly_all() -> None:
    """Who is taken out is missing among those who vouch, and among those who could."""
    votes = tuple(Vote(name, 1, 1, START + place * (WINDOW + 1)) for place, name in enumerate("abcd"))
    of_five, of_six = Vouched(NEW, votes, 5, alone=False), Vouched(NEW, votes, 6, alone=False)
    assert (of_five.stands, of_six.stands) == (True, False)
    assert not of_five.without({"a"}).stands, "three of four are three quarters, and not more"
    assert Vouched(NEW, votes, 4, alone=False).without({"a"}).stands


def test_nodes_of_a_site_count_by_their_instances() -> None:
    found = Vouched(NEW, (Vote("a", 3, 5, START), Vote("b", 2, 2, START)), 10, alone=True)
    assert found.stands
    assert not found.without({"a"}).stands, "two of five"
    assert not found.without({"b"}).stands, "three of eight"
    assert found.without({"a", "b"}).homes == 3


def test_those_are_kept_that_carry_most() -> None:
    late = [Vote(f"late{number:03}", 1, 1, LATER) for number in range(MAX_VOTES)]
    first = Vote("z", 1, 1, START)
    assert kept([*late, first], alone=False) == (first, *late[: MAX_VOTES - 1])
    most = Vote("z", 9, 9, LATER)
    assert kept([*late, most], alone=True)[0] == most
