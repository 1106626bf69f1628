from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from models.candidates import OWN_WINDOW, WINDOW, Candidate, Ledger
from models.descriptor import Descriptor
from models.exchange import vouching as module
from models.exchange.showings import Acceptance, Showing, Showings
from models.exchange.votes import Vote
from models.exchange.vouching import MAX_OPEN, MAX_TYPES, Ballot, within_caps
from models.knowledge import Knowledge
from tests.models.accesses import MINUTE, START
from tests.models.exchange.observed import READ, WRITE, shown_in

NEW = Candidate("/light", "relationship", READ)
OWN = Candidate("/light", "relationship", WRITE)
HOUR = 60 * MINUTE


def showing(
    candidate: Candidate = NEW, *, recent: int = 1, persistent: int = 0, onset: int = START, last: int = START
) -> Showing:
    return Showing(candidate=candidate, recent=recent, persistent=persistent, onset=onset, last=last)


def told(*shown: Showing, instances: int = 3) -> Showings:
    return Showings(instances={"/light": instances}, open=list(shown))


def ballot(**by_origin: Showings) -> Ballot:
    found = Ballot()
    for origin, each in by_origin.items():
        found.put(origin, each)
    return found


def decided(found: Ballot, now: int, *, alone: bool, left: Callable[[str], bool] = lambda _: False) -> list[Acceptance]:
    return [each.acceptance for each in found.decide(now, alone=alone, left=left)]


def accepted(candidate: Candidate, time: int) -> list[Acceptance]:
    return [Acceptance(candidate=candidate, time=time)]


def test_two_sites_vouch_for_what_came_up_in_both() -> None:
    found = ballot(a=told(showing()), c=told(instances=1))
    assert decided(found, START, alone=False) == []
    later = START + MINUTE
    found.put("b", told(showing(onset=later, last=later)))
    assert decided(found, later, alone=False) == accepted(NEW, later)


def test_nothing_is_accepted_twice() -> None:
    found = ballot(a=told(showing()), b=told(showing()))
    assert decided(found, START, alone=False) == accepted(NEW, START)
    found.put("b", told(showing(last=START + MINUTE)))
    assert decided(found, START + MINUTE, alone=False) == []


def test_who_vouched_is_told() -> None:
    found = ballot(a=told(showing()), b=told(showing(recent=2, onset=START - 1)), c=told(showing(recent=0)), d=told())
    (vouched,) = found.decide(START, alone=False)
    assert vouched.votes == (Vote("b", 2, 3, START - 1), Vote("a", 1, 3, START))
    assert (vouched.homes, vouched.alone, vouched.stands) == (4, False, True)
    found = ballot(a=told(showing(persistent=3)), b=told(showing(persistent=2)), c=told(showing()))
    (vouched,) = found.decide(START, alone=True)
    assert vouched.votes == (Vote("a", 3, 3, START), Vote("b", 2, 3, START))
    assert (vouched.homes, vouched.alone, vouched.stands) == (9, True, True)


def test_what_is_reopened_is_decided_with_who_shows_it_then() -> None:
    found = ballot(a=told(showing()), b=told(showing()), c=told(showing()))
    assert decided(found, START, alone=False) == accepted(NEW, START)
    found.reopen(NEW)
    assert decided(found, START + 1, alone=False) == accepted(NEW, START + 1)
    found.reopen_all()
    assert decided(found, START + 1, alone=False) == accepted(NEW, START + 1)
    for gone in ("a", "b"):
        found.remove(gone)
    found.reopen(NEW)
    assert decided(found, START + 2, alone=False) == []
    found.put("a", told(showing()))
    assert decided(found, START + 3, alone=False) == accepted(NEW, START + 3)
    for gone in ("a", "c"):
        found.remove(gone)
    found.reopen(NEW)  # nobody shows it any more
    assert decided(found, START + 4, alone=False) == []


def test_who_is_taken_out_no_longer_stands_in_the_way() -> None:
    """As if it had never been there, also where it vouched for nothing."""
    later = START + WINDOW + MINUTE
    found = ballot(a=told(showing(last=later)), b=told(showing(onset=later, last=later)), c=told())
    assert decided(found, later, alone=False) == []
    found.remove("c")
    assert decided(found, later, alone=False) == accepted(NEW, later)


def test_instances_of_one_site_do_not_make_two() -> None:
    found = ballot(a=told(showing(recent=9, persistent=9), instances=9), b=told(instances=9))
    assert decided(found, START, alone=False) == []
    found.put("b", told(showing(recent=2), instances=9))
    assert decided(found, START, alone=False) == []  # two of nine are not a third
    found.put("b", told(showing(recent=3), instances=9))
    assert decided(found, START, alone=False) == accepted(NEW, START)


def test_one_instance_is_enough_for_what_concerns_nobody_else() -> None:
    found = ballot(a=told(showing(OWN), instances=9), b=told(showing(OWN), instances=9))
    assert decided(found, START, alone=False) == accepted(OWN, START)


def test_what_one_site_showed_long_before_takes_nearly_all() -> None:
    later = START + WINDOW + MINUTE
    fresh = told(showing(onset=later, last=later))
    found = ballot(a=told(showing(last=later)), b=fresh, c=told(), d=told())
    assert decided(found, later, alone=False) == []
    found.put("c", fresh)
    assert decided(found, later, alone=False) == []
    found.put("d", fresh)
    assert decided(found, later, alone=False) == accepted(NEW, later)


def test_what_was_shown_half_an_hour_ago_vouches_no_more() -> None:
    found = ballot(a=told(showing()), c=told())
    later = START + WINDOW + MINUTE
    found.put("b", told(showing(onset=later, last=later)))
    assert decided(found, later, alone=False) == []


def test_nodes_of_an_isolated_site_speak_with_one_voice() -> None:
    found = ballot(a=told(showing(recent=2), instances=2), b=told(showing(recent=2), instances=2))
    assert decided(found, START, alone=True) == []
    found.put("a", told(showing(recent=2, persistent=1), instances=2))
    found.put("b", told(showing(recent=2, persistent=1), instances=2))
    assert decided(found, START, alone=True) == accepted(NEW, START)


def many(service_type: str, number: int, *, last: int = START) -> Showings:
    """What a site makes up."""
    keys = [READ._replace(partner=f"/p{index}") for index in range(number)]
    open_ = [showing(Candidate(service_type, "relationship", key), recent=9, persistent=9, last=last) for key in keys]
    return Showings(instances={service_type: 9}, open=open_)


def test_one_site_gets_nothing_accepted_whatever_it_tells_of_its_instances() -> None:
    found = ballot(a=many("/only", 5), b=told())
    assert decided(found, START, alone=False) == []
    found.put("a", many("/only", 5, last=START + 1))
    assert len(found.decide(START + 1, alone=True)) == 5


def test_acceptances_of_a_type_are_bounded_by_the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_DECIDED_OF_TYPE", 3)
    found = ballot(a=many("/made-up", 5), b=many("/made-up", 5), c=told(showing()), d=told(showing()))
    assert [each.candidate.service_type for each in decided(found, START, alone=False)] == ["/light"] + 3 * ["/made-up"]
    assert decided(found, START + HOUR, alone=False) == []
    later = START + OWN_WINDOW + MINUTE
    for origin in ("a", "b"):
        found.put(origin, many("/made-up", 5, last=later))
    assert len(found.decide(later, alone=False)) == 2, "the rest, a day later"


def test_what_others_decide_about_waits() -> None:
    found = ballot(a=told(showing(), showing(OWN)), b=told(showing(), showing(OWN)))
    assert decided(found, START, alone=False, left=lambda service_type: service_type == "/light") == []
    found.put("b", told(showing()))
    found.put("a", told(showing()))
    assert decided(found, START, alone=False) == accepted(NEW, START)


def test_site_that_takes_part_no_more_vouches_for_nothing() -> None:
    found = ballot(a=told(showing()), b=told(showing()), c=told())
    found.remove("b")
    assert decided(found, START, alone=False) == []
    assert found.origins == 2
    with pytest.raises(KeyError):
        found.remove("b")
    for origin in ("a", "c"):
        found.remove(origin)
    assert found.summary(START) == Showings(instances={}, open=[])


def test_site_tells_what_its_nodes_show_together() -> None:
    found = ballot(
        a=told(showing(recent=2, persistent=1, onset=START, last=START + HOUR), instances=4),
        b=told(showing(recent=3, persistent=2, onset=START + 30 * MINUTE, last=START + HOUR + MINUTE), instances=5),
        c=Showings(
            instances={"/lock": 1},
            open=[showing(OWN, onset=START - OWN_WINDOW, last=START - OWN_WINDOW), showing(recent=7, last=START)],
        ),
    )
    now = START + HOUR + MINUTE
    together = showing(recent=5, persistent=3, onset=START, last=now)
    assert found.summary(now) == Showings(instances={"/light": 9, "/lock": 1}, open=[together])


def test_what_a_site_showed_before_a_day_of_silence_is_no_onset() -> None:
    silent = START + OWN_WINDOW + MINUTE
    found = ballot(a=told(showing()), b=told(showing(onset=silent, last=silent)))
    assert [each.onset for each in found.summary(silent).open] == [silent]
    found = ballot(a=told(showing(last=START + 2 * MINUTE)), b=told(showing(onset=silent, last=silent)))
    assert [each.onset for each in found.summary(silent).open] == [START]


def test_site_counts_at_the_global_level_as_its_nodes_together() -> None:
    site = ballot(a=told(showing(recent=1), instances=2), b=told(showing(recent=1), instances=2))
    globally = ballot(home=site.summary(START), office=told(showing()))
    assert decided(globally, START, alone=False) == accepted(NEW, START)


def test_candidates_of_an_origin_are_bounded_and_those_of_most_instances_stay() -> None:
    scanned = [
        showing(Candidate("/light", "relationship", READ._replace(partner=f"/p{index}")), last=START + index)
        for index in range(2 * MAX_OPEN)
    ]
    types = {f"/t{index}": index for index in range(2 * MAX_TYPES)}
    kept = within_caps(Showings(instances=types, open=[*scanned, showing(recent=2)]))
    assert len(kept.open) == MAX_OPEN
    assert kept.open[0] == showing(recent=2)
    assert kept.open[1:] == scanned[:MAX_OPEN:-1]
    assert set(kept.instances.values()) == set(range(MAX_TYPES, 2 * MAX_TYPES))
    found = ballot(a=Showings(instances={"/light": 3}, open=[*scanned, showing(recent=2)]), b=told(showing()))
    assert decided(found, START, alone=False) == accepted(NEW, START)


def test_too_many_origins_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ORIGINS", 2)
    found = ballot(a=told(), b=told())
    with pytest.raises(ValueError, match="2 origins already"):
        found.put("c", told(showing()))
    assert found.summary(START).instances == {"/light": 6}
    found.put("b", told(showing()))


def test_oldest_acceptance_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_DECIDED", 1)
    found = ballot(a=told(showing(), showing(OWN)), b=told(showing(), showing(OWN)))
    assert [each.candidate for each in decided(found, START, alone=False)] == [OWN, NEW]
    found.put("a", told(showing(last=START + 1), showing(OWN, last=START + 1)))
    assert decided(found, START + 1, alone=False) == accepted(OWN, START + 1)


def sightings_of(chance: random.Random, places: int) -> list[tuple[int, int, int, Candidate]]:
    """Times, places, instances: up to four flurries of 20 minutes, more than the window apart, some of them steady."""
    found = []
    for flurry in range(chance.randint(1, 4)):
        for _ in range(chance.randint(1, 4)):
            place, instance = chance.randrange(places), chance.randrange(4)
            minutes = range(20) if chance.random() < 0.4 else [chance.randrange(20) for _ in range(2)]
            candidate = chance.choice([NEW, NEW, OWN])
            found += [(START + flurry * 61 * MINUTE + each * MINUTE, place, instance, candidate) for each in minutes]
    return sorted(found)


class Compared:
    """The same sightings for a knowledge that sees each, and for a ballot that is told how many there are."""

    def __init__(self, counts: list[int], *, alone: bool) -> None:
        """Give each place so many instances; where `alone`, the places are nodes of one site, else sites."""
        self.counts, self.alone = counts, alone
        self.names = ["home" if alone else f"site{place}" for place in range(len(counts))]
        self.ledgers = [Ledger() for _ in counts]
        self.knowledge, self.ballot = Knowledge(), Ballot()
        self.decided: set[Candidate] = set()
        idle = Descriptor(service_type="/light", minute=START // MINUTE)
        for place, count in enumerate(counts):
            if count:
                self.ballot.put(f"{place}", told(instances=count))
        for name in set(self.names):
            here = sum(count for each, count in zip(self.names, counts, strict=True) if each == name)
            self.knowledge.fold([idle] * here, name)

    def see(self, now: int, place: int, instance: int, candidate: Candidate) -> tuple[list[Candidate], list[Candidate]]:
        """Return what either accepts for a sighting."""
        self.knowledge.see(candidate, self.names[place], f"{place}-{instance}", now)
        if candidate not in self.decided:
            self.ledgers[place].see(candidate, "here", f"{place}-{instance}", now)
        for teller in range(len(self.counts)) if self.alone else [place]:
            self._tell(teller, now)
        expected = self.knowledge.deliberate(now)
        found = [each.candidate for each in decided(self.ballot, now, alone=self.alone)]
        self.decided.update(expected)
        for ledger in self.ledgers:
            ledger.close(expected)
        return expected, found

    def _tell(self, place: int, now: int) -> None:
        ledger, count = self.ledgers[place], self.counts[place]
        if len(ledger):
            showings = Showings(instances={"/light": count}, open=shown_in(ledger.items(), "here", now))
            self.ballot.put(f"{place}", showings if count else Showings(instances={}, open=showings.open))


@pytest.mark.parametrize("alone", [False, True])
def test_ballot_decides_as_knowledge_does_that_sees_every_sighting(alone: bool) -> None:
    outcomes = {NEW: 0, OWN: 0, None: 0}
    for seed in range(150):
        chance = random.Random(seed)
        # Where each is a site, two have the type: by itself only the site itself accepts anything, not its service.
        homes = 1 if alone else 2
        places = chance.randint(homes, 4)
        compared = Compared([chance.randint(1 if place < homes else 0, 4) for place in range(places)], alone=alone)
        for sighting in sightings_of(chance, places):
            expected, found = compared.see(*sighting)
            assert found == expected, seed
        for outcome in compared.decided or [None]:
            outcomes[outcome] += 1
    assert min(outcomes.values()) > 5, outcomes
