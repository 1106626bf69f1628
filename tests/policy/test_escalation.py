from __future__ import annotations

from typing import Any

import pytest

from policy.escalation import MOST_SENDERS, BackOffPolicy, EscalationPolicy, History, PastQuarantine, Refusals
from tests.policy.calls import NOW


def asked(**changes: Any) -> EscalationPolicy:
    return EscalationPolicy.model_validate({"refusals": 5, "different": 3, "within": "10m"} | changes)


def told(refusals: Refusals, kinds: str, *, every: float = 1.0, policy: EscalationPolicy | None = None) -> list[int]:
    return [refusals.note("a", kind, NOW + n * every, policy or asked()) for n, kind in enumerate(kinds)]


def test_who_is_refused_too_often_with_different_calls_is_told() -> None:
    assert told(Refusals(), "abcab") == [0, 0, 0, 0, 5]


def test_who_repeats_the_same_few_calls_is_not_however_often() -> None:
    assert told(Refusals(), "ab" * 500) == [0] * 1000


def test_counting_begins_anew_afterwards() -> None:
    assert told(Refusals(), "abcab" * 2) == [0, 0, 0, 0, 5] * 2


@pytest.mark.parametrize(("every", "counts"), [(149, True), (150, False)])
def test_what_is_older_than_the_window_does_not_count(every: float, counts: bool) -> None:
    assert any(told(Refusals(), "abcdefgh", every=every)) is counts


def test_a_clock_that_is_set_back_does_not_let_calls_count_for_longer() -> None:
    refusals = Refusals()
    for kind in "abcd":
        refusals.note("a", kind, NOW + 1e6, asked())
    assert refusals.note("a", "e", NOW, asked()) == 0


def test_senders_are_counted_each_for_itself_and_the_oldest_is_forgotten() -> None:
    refusals = Refusals()
    told(refusals, "abca")
    for number in range(MOST_SENDERS):
        assert refusals.note(f"other{number}", "a", NOW + 5, asked()) == 0
    assert len(refusals) == MOST_SENDERS
    assert refusals.note("a", "b", NOW + 6, asked()) == 0


def test_who_is_forgiven_begins_anew_and_nobody_else() -> None:
    refusals = Refusals()
    told(refusals, "abcd")
    for kind in "abcd":
        refusals.note("other", kind, NOW, asked())
    refusals.forget("a")
    refusals.forget("never heard of")
    assert refusals.note("a", "e", NOW + 5, asked()) == 0
    assert refusals.note("other", "e", NOW + 5, asked()) == 5


def test_all_can_begin_anew() -> None:
    refusals = Refusals()
    told(refusals, "abcd")
    refusals.clear()
    assert len(refusals) == 0


def test_another_policy_goes_on_with_what_was_seen() -> None:
    refusals = Refusals()
    told(refusals, "abcd")
    assert refusals.note("a", "e", NOW + 5, asked(refusals=3)) == 3


@pytest.mark.parametrize(
    ("settings", "times", "length"),
    [
        ({}, 1, 3600),
        ({}, 2, 7200),
        ({}, 5, 57_600),
        ({}, 6, 86_400),
        ({}, 10_000, 86_400),
        ({"factor": 1}, 50, 3600),
        ({"factor": 100, "longest": "60s"}, 1_000_000, 3600),
    ],
)
def test_further_quarantines_hold_longer_up_to_the_longest(settings: dict[str, Any], times: int, length: float) -> None:
    assert BackOffPolicy.model_validate(settings).length(3600, times) == length


def past(identity: str = "a", times: int = 1, until: float = NOW) -> PastQuarantine:
    return PastQuarantine(identity=identity, times=times, until=until)


def test_a_quiet_time_makes_the_next_quarantine_the_first() -> None:
    history = History([past(times=3)])
    assert history.times("a", NOW + 99, 100) == 4
    assert history.times("a", NOW + 100, 100) == 1
    assert history.times("b", NOW, 100) == 1


def test_the_latest_quarantine_counts_in_whatever_order_they_are_told() -> None:
    history = History([past(times=2, until=NOW + 10), past(times=1, until=NOW)])
    assert list(history.all) == [past(times=2, until=NOW + 10)]
    history.forget("a")
    assert not history.all


def test_the_history_is_bounded_and_forgets_who_was_let_go_longest_ago() -> None:
    history = History(past(f"sender{number}", until=NOW + number) for number in reversed(range(MOST_SENDERS + 5)))
    assert len(history.all) == MOST_SENDERS
    assert history.all[0].identity == "sender5"
