"""The shipped scenarios, and that a scenario notices a policy that does otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from policy.document import ModeSetting, PolicyDocument
from policy.loading import load_document
from policy.rehearsal import rehearse
from policy.scenario import Scenario

SHIPPED = sorted((Path(__file__).parents[2] / "config" / "scenarios").glob("*.yaml"))


def shipped(name: str) -> Scenario:
    return load_document(next(path for path in SHIPPED if path.stem == name), Scenario)


@pytest.mark.parametrize("path", SHIPPED, ids=[path.stem for path in SHIPPED])
def test_the_shipped_scenarios_come_out_as_expected(path: Path) -> None:
    assert rehearse(load_document(path, Scenario)) == []


def test_there_are_scenarios_of_all_that_a_policy_decides() -> None:
    names = {path.stem for path in SHIPPED}
    assert names >= {"flood", "unknown-sender", "doors-at-night", "allow-list", "readiness", "escalation"}


def test_a_policy_without_the_rule_lets_doors_be_opened_at_night() -> None:
    scenario = shipped("doors-at-night")
    without = scenario.policy.model_copy(update={"rules": []})
    first, second = rehearse(scenario, without)
    assert (first.step, first.deed) == (2, "phone set lock/isLocked")
    assert first.fields == (
        ("action", "block", "forward"),
        ("reason", "denied-by-rule", "normal"),
        ("rule", "doors-at-night", "None"),
    )
    assert first.sentence.startswith("Forwarded: /agent1/phone1 (a /smartPhone) set /agent1/lock1/isLocked")
    assert second.step == 4


def test_a_policy_that_only_monitors_refuses_no_flood() -> None:
    steps = [each.step for each in rehearse(shipped("flood"), PolicyDocument(mode=ModeSetting.MONITOR))]
    assert steps == [2, 3]
