"""A list of what was seen at first."""

from __future__ import annotations

from models.access import Operation
from proxy.evaluation.whitelist import WhitelistSubject
from tests.models.accesses import access


def test_what_was_seen_in_time_is_allowed_for_ever_and_nothing_else_ever_is() -> None:
    subject = WhitelistSubject(learn_seconds=60)
    assert not subject.judge(access(time=0)).refused
    assert not subject.judge(access(time=59_999, operation=Operation.SUBSCRIBE)).refused
    for _ in range(3):
        assert subject.judge(access(time=60_000, operation=Operation.LOCK)).refused
    assert not subject.judge(access(time=10_000_000)).refused
    assert not subject.judge(access(time=10_000_000, operation=Operation.SUBSCRIBE)).refused


def test_what_is_refused_has_the_higher_value() -> None:
    subject = WhitelistSubject(learn_seconds=60)
    subject.judge(access(time=0))
    known, new = subject.judge(access(time=90_000)), subject.judge(access(time=90_000, operation=Operation.LOCK))
    assert known.av < new.av


def test_a_first_access_ahead_of_its_time_does_not_make_the_beginning_longer() -> None:
    subject = WhitelistSubject(learn_seconds=60)
    subject.judge(access(time=3_600_000))
    assert not subject.judge(access(time=0)).refused
    assert subject.judge(access(time=60_000, operation=Operation.LOCK)).refused
