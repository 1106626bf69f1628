"""When the demonstration may say that it succeeded."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from models.simulation.paper_attacks import AttackClass
from tests.site.attacks import AttackReport
from tests.site.calls import Tally
from tests.site.demo_report import Quarantined, Result

GOOD_LIFE = Tally(calls=1000, answered=995, refused=5)


def blocked(attack_class: AttackClass, first_refused: int | None = 3) -> AttackReport:
    return AttackReport(
        label=attack_class,
        attacker="/agent1/movement2",
        tally=Tally(calls=10, refused=8, answered=2),
        planned=10,
        first_refused=first_refused,
    )


def result(**changes: Any) -> Result:
    parts: dict[str, Any] = {
        "attacks": [blocked(each) for each in AttackClass],
        "legitimate": GOOD_LIFE,
        "quarantined": [],
        "kernel_entries": [],
        "audit": "12 records, the chain is whole",
        "audit_intact": True,
    }
    return Result(**(parts | changes))


def test_all_blocked_and_the_site_lives() -> None:
    assert result().failures() == []


@pytest.mark.parametrize("missed", AttackClass)
def test_a_class_that_was_never_blocked(missed: AttackClass) -> None:
    attacks = [blocked(each, None if each is missed else 1) for each in AttackClass]
    (failure,) = result(attacks=attacks).failures()
    assert failure.endswith("was not blocked")


def test_a_class_that_did_not_take_place() -> None:
    (failure,) = result(attacks=[blocked(each) for each in list(AttackClass)[1:]]).failures()
    assert failure.endswith("did not take place")


@pytest.mark.parametrize("kind", ["refused", "silent", "failed"])
def test_one_percent_of_legitimate_calls_without_a_good_answer(kind: str) -> None:
    hindered = msgspec.structs.replace(Tally(calls=1000, answered=990), **{kind: 10})
    (failure,) = result(legitimate=hindered).failures()
    assert failure == "1.00% of the legitimate calls were blocked"


def test_a_site_that_does_not_live_at_all() -> None:
    assert result(legitimate=Tally()).failures() == ["100.00% of the legitimate calls were blocked"]


def test_a_broken_chain() -> None:
    assert result(audit_intact=False).failures() == ["the audit chain is broken"]


def test_senders_that_the_kernel_drops_and_the_log_does_not_know() -> None:
    entries = ["02:00:5e:00:53:01 . 192.0.2.9"]
    (failure,) = result(kernel_entries=entries).failures()
    assert "audit log does not tell" in failure
    assert result(kernel_entries=entries, quarantined=[Quarantined("/agent1/a", entries[0])]).failures() == []
