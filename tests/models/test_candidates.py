from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from models.candidates import (
    MAX_CANDIDATES,
    MAX_WITNESSES,
    OWN_WINDOW,
    WINDOW,
    Candidate,
    Ledger,
    Sightings,
    agreed,
    corroborated,
)
from models.relationship import Key
from tests.models.accesses import MINUTE, START

NEW = Candidate("/light", "relationship", Key("/lock", own=False, operation="set", data_type="/basic/text"))
OWN = Candidate("/light", "relationship", Key("/light", own=True, operation="set", data_type="/basic/text"))
CYCLE = 20_000
ONE_EACH = {"home": 1, "office": 1, "plant": 1, "school": 1}
"""Instances of the type by site."""


def seen(*showings: tuple[str, str, int]) -> Sightings:
    sightings = Sightings()
    for site, instance, time in showings:
        sightings.see(site, instance, START + time)
    return sightings


def cycles(instance: str, count: int, *, begin: int = 0, gap: int = CYCLE) -> list[tuple[str, str, int]]:
    return [("home", instance, begin + gap * index) for index in range(count)]


def test_two_sites_corroborate_each_other() -> None:
    showings = seen(("home", "a", 0), ("office", "b", WINDOW))
    assert corroborated(NEW, showings, ONE_EACH, START + WINDOW)


def test_many_instances_of_one_site_corroborate_nothing() -> None:
    showings = seen(*[("home", f"/agent1/light{index}", index) for index in range(50)])
    assert not corroborated(NEW, showings, ONE_EACH, START + 100)


def test_sites_that_are_further_apart_than_the_window_corroborate_nothing() -> None:
    showings = seen(("home", "a", 0), ("office", "b", WINDOW + 1))
    assert not corroborated(NEW, showings, ONE_EACH, START + WINDOW + 1)


def test_what_one_site_shows_for_long_is_no_update_when_others_begin() -> None:
    poisoned = cycles("a", 400)
    begin = 400 * CYCLE
    assert not corroborated(NEW, seen(*poisoned, ("office", "b", begin)), ONE_EACH, START + begin)
    both = seen(*poisoned, ("office", "b", begin), ("plant", "c", begin + MINUTE))
    assert not corroborated(NEW, both, ONE_EACH, START + begin + MINUTE)


def test_what_nearly_all_sites_show_may_have_begun_one_after_the_other() -> None:
    begin = [index * 2 * WINDOW for index in range(4)]
    showings = sorted(
        (
            (site, "a", time)
            for site, first in zip(ONE_EACH, begin, strict=True)
            for time in range(first, 8 * WINDOW, CYCLE)
        ),
        key=lambda showing: showing[2],
    )
    before = [showing for showing in showings if showing[2] < begin[3]]
    assert not corroborated(NEW, seen(*before), ONE_EACH, START + begin[3])
    assert corroborated(NEW, seen(*showings), ONE_EACH, START + 8 * WINDOW)


def test_day_of_silence_lets_a_site_begin_anew() -> None:
    later = OWN_WINDOW + MINUTE
    showings = seen(("home", "a", 0), ("home", "a", later), ("office", "b", later + MINUTE))
    assert corroborated(NEW, showings, ONE_EACH, START + later + MINUTE)


def test_single_instance_of_many_does_not_vouch_for_its_site() -> None:
    homes = {"home": 6, "office": 6, "plant": 6, "school": 6}
    one = [("home", "a", 0), ("office", "b", MINUTE)]
    assert not corroborated(NEW, seen(*one), homes, START + MINUTE)
    assert corroborated(OWN, seen(*one), homes, START + MINUTE)
    third = [*one, ("home", "c", 2 * MINUTE), ("office", "d", 2 * MINUTE)]
    assert corroborated(NEW, seen(*third), homes, START + 2 * MINUTE)


def test_isolated_site_agrees_once_half_of_its_instances_do_it_steadily() -> None:
    showings = [each for instance in "abc" for each in cycles(instance, 20)]
    assert agreed(NEW, seen(*showings), "home", 6, START + 20 * CYCLE)
    assert not agreed(NEW, seen(*showings), "home", 7, START + 20 * CYCLE)


def test_one_instance_never_decides_for_its_isolated_site() -> None:
    assert not agreed(NEW, seen(*cycles("a", 500)), "home", 1, START + 500 * CYCLE)
    assert not agreed(OWN, seen(*cycles("a", 500)), "home", 1, START + 500 * CYCLE)


def test_burst_is_not_steady() -> None:
    showings = [each for instance in "ab" for each in cycles(instance, 200, gap=10)]
    assert not agreed(NEW, seen(*showings), "home", 2, START + MINUTE)


def test_bursts_now_and_then_are_not_steady() -> None:
    showings = [
        each for instance in "ab" for begin in (0, 10 * MINUTE) for each in cycles(instance, 4, begin=begin, gap=1000)
    ]
    assert not agreed(NEW, seen(*showings), "home", 2, START + 11 * MINUTE)


def test_what_stopped_is_no_longer_steady() -> None:
    showings = [each for instance in "ab" for each in cycles(instance, 20)]
    assert not agreed(NEW, seen(*showings), "home", 2, START + 20 * CYCLE + WINDOW + 1)


def test_what_instances_do_to_themselves_may_be_rare() -> None:
    showings = seen(("home", "a", 0), ("home", "b", 7 * 60 * MINUTE))
    assert agreed(OWN, showings, "home", 3, START + 8 * 60 * MINUTE)
    assert not agreed(OWN, showings, "home", 5, START + 8 * 60 * MINUTE)
    assert not agreed(NEW, showings, "home", 3, START + 8 * 60 * MINUTE)


def test_scan_is_over_after_one_occasion_and_what_comes_back_is_a_habit() -> None:
    scans = [("home", instance, index * 1000) for instance in "ab" for index in range(4)]
    assert not agreed(NEW, seen(*scans), "home", 3, START + MINUTE)
    again = [*scans, *[("home", instance, 3 * WINDOW) for instance in "ab"]]
    assert agreed(NEW, seen(*again), "home", 3, START + 3 * WINDOW)
    assert not agreed(NEW, seen(*again), "home", 5, START + 3 * WINDOW)
    assert not agreed(NEW, seen(*again), "home", 3, START + 3 * WINDOW + OWN_WINDOW + 1)


@given(st.lists(st.integers(-(10**6), 10**6)))
def test_late_and_equal_time_stamps_do_no_harm(times: list[int]) -> None:
    sightings = seen(*[("home", "a", time) for time in times])
    agreed(NEW, sightings, "home", 1, START)
    assert corroborated(NEW, sightings, ONE_EACH, START) is False


def test_witnesses_without_end_leave_the_sightings_bounded() -> None:
    sightings = seen(*[("home", f"/agent1/light{index}", index) for index in range(10_000)])
    assert len(sightings.witnesses["home"]) == MAX_WITNESSES


def test_candidates_without_end_leave_the_ledger_bounded() -> None:
    ledger = Ledger()
    for index in range(MAX_CANDIDATES + 10):
        ledger.see(NEW._replace(detail=str(index)), "home", "a", START + index)
    assert len(ledger) == MAX_CANDIDATES
    assert NEW._replace(detail="0") not in dict(ledger.items())


def test_what_nobody_shows_any_more_is_forgotten() -> None:
    ledger = Ledger()
    ledger.see(NEW, "home", "a", START)
    ledger.see(OWN, "home", "a", START + OWN_WINDOW)
    ledger.forget(START + OWN_WINDOW + 1)
    assert [candidate for candidate, _ in ledger.items()] == [OWN]


def test_sightings_of_a_clock_that_was_ahead_corroborate_nothing() -> None:
    showings = seen(("home", "a", 16 * 60 * MINUTE), ("office", "b", 0))
    assert not corroborated(NEW, showings, ONE_EACH, START)


def test_only_what_was_shown_since_is_deliberated_on() -> None:
    ledger = Ledger()
    ledger.see(NEW, "home", "a", START)
    ledger.see(OWN, "home", "a", START)
    assert {candidate for candidate, _ in ledger.shown()} == {NEW, OWN}
    ledger.see(OWN, "home", "b", START)
    assert [candidate for candidate, _ in ledger.shown()] == [OWN]
    assert len(ledger) == 2
