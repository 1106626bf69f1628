"""Attacks by name."""

from __future__ import annotations

import pytest

from models.simulation.catalogue import CATALOGUE, GROUPS, AttackPlan, expand, parse_attacks


def test_names_take_a_strength_after_a_colon() -> None:
    assert parse_attacks("scan, slowDoS:2.5") == (AttackPlan(name="scan"), AttackPlan(name="slowDoS", strength=2.5))


def test_groups_stand_for_their_members() -> None:
    assert [plan.name for plan in parse_attacks("paper")] == list(GROUPS["paper"])
    assert parse_attacks("none") == ()
    assert {plan.name for plan in parse_attacks("all")} == {*GROUPS["paper"], *GROUPS["harder"]}
    assert all(name in CATALOGUE for members in GROUPS.values() for name in members)


def test_plans_stay_what_they_are() -> None:
    plan = AttackPlan(name="scan", start=60.0, site=2)
    assert expand([plan, "none"]) == (plan,)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("scam", "'scam' is no attack; there are paper, harder"),
        ("paper:3", "no attack"),
        ("scan:fast", "strength after the colon is a number"),
        ("slowDoS:0", "positive number, in times the usual rate"),
        ("slowDoS:nan", "positive number"),
        ("slowDoS:inf", "positive number"),
    ],
)
def test_what_makes_no_sense_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_attacks(text)


def test_a_start_before_the_trace_is_refused() -> None:
    with pytest.raises(ValueError, match="before the trace"):
        expand([AttackPlan(name="scan", start=-1.0)])
