from __future__ import annotations

from models.candidates import Candidate
from models.exchange.showings import Acceptance, Showing, Showings
from models.exchange.vouching import Ballot
from tests.models.accesses import MINUTE, START
from tests.models.exchange.observed import READ, WRITE

NEW = Candidate("/light", "relationship", READ)
OWN = Candidate("/light", "relationship", WRITE)
HOUR = 60 * MINUTE


def showing(
    candidate: Candidate = NEW, *, recent: int = 1, persistent: int = 0, onset: int = START, last: int = START
) -> Showing:
    return Showing(candidate=candidate, recent=recent, persistent=persistent, onset=onset, last=last)


def told(*open_: Showing, instances: int = 3) -> Showings:
    return Showings(instances={"/light": instances}, open=list(open_))


def ballot(**by_origin: Showings) -> Ballot:
    found = Ballot()
    for origin, each in by_origin.items():
        found.put(origin, each)
    return found


def test_two_sites_vouch_for_what_came_up_in_both() -> None:
    found = ballot(a=told(showing()), c=told(instances=1))
    assert found.decide(START, alone=False) == []
    found.put("b", told(showing(onset=START + MINUTE, last=START + MINUTE)))
    assert found.decide(START + MINUTE, alone=False) == [Acceptance(candidate=NEW, time=START + MINUTE)]
    found.put("b", told(showing(onset=START + MINUTE, last=START + 2 * MINUTE)))
    assert found.decide(START + 2 * MINUTE, alone=False) == []


def test_instances_of_one_site_do_not_make_two() -> None:
    found = ballot(a=told(showing(recent=9, persistent=9), instances=9), b=told())
    assert found.decide(START, alone=False) == []
    found.put("b", told(showing(), instances=9))
    assert found.decide(START, alone=False) == []  # one of nine is not a third


def test_what_came_up_half_an_hour_apart_takes_nearly_all() -> None:
    later = START + 31 * MINUTE
    found = ballot(a=told(showing(last=later)), b=told(showing(onset=later, last=later)), c=told(), d=told())
    assert found.decide(later, alone=False) == []
    found.remove("d")
    found.put("c", told(showing(onset=later, last=later)))
    # The two that began later corroborate each other no more than the first: only the two earliest onsets count.
    assert found.decide(later, alone=False) == [Acceptance(candidate=NEW, time=later)]


def test_isolated_site_counts_the_instances_of_all_its_nodes() -> None:
    found = ballot(a=told(showing(persistent=1), instances=2), b=told(showing(recent=2), instances=2))
    assert found.decide(START, alone=True) == []
    found.put("b", told(showing(persistent=1), instances=2))
    assert found.decide(START, alone=True) == [Acceptance(candidate=NEW, time=START)]
