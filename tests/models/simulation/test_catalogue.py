"""Attacks by name."""

from __future__ import annotations

import random

import pytest

from models.simulation.catalogue import CATALOGUE, GROUPS, AttackPlan, expand, parse_attacks
from models.simulation.sites import make_sites


def test_names_take_a_strength_after_a_colon() -> None:
    assert parse_attacks("scan, slowDoS:2.5") == (AttackPlan(name="scan"), AttackPlan(name="slowDoS", strength=2.5))


def test_groups_stand_for_their_members() -> None:
    assert [plan.name for plan in parse_attacks("paper")] == list(GROUPS["paper"])
    assert parse_attacks("none") == ()
    assert {plan.name for plan in parse_attacks("all")} == {*GROUPS["paper"], *GROUPS["harder"]}
    assert all(name in CATALOGUE for members in GROUPS.values() for name in members)


def test_single_irregular_accesses_are_asked_for_by_name_and_change_no_group() -> None:
    assert not any("maliciousPeriod" in members for members in GROUPS.values())
    assert parse_attacks("maliciousPeriod:5") == (AttackPlan(name="maliciousPeriod", strength=5.0),)


def test_plans_stay_what_they_are() -> None:
    plan = AttackPlan(name="scan", start=60.0, site=2)
    assert expand([plan, "none"]) == (plan,)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("scam", "'scam' is no attack; there are paper, harder"),
        ("paper:3", "no attack"),
        ("scan:fast", "strength after the colon is a number"),
        ("slowDoS:0", "slowDoS: a strength is a number from 0.1 to 1000, in times the usual rate"),
        ("slowDoS:nan", "a number from"),
        ("slowDoS:inf", "a number from"),
        ("DoSattack:1e9", "DoSattack: .* from 2 to 100000"),
    ],
)
def test_what_makes_no_sense_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_attacks(text)


@pytest.mark.parametrize("start", [-1.0, float("nan"), float("inf")])
def test_a_start_at_no_second_of_a_trace_is_refused(start: float) -> None:
    with pytest.raises(ValueError, match="scan: an attack starts at a second of the trace"):
        expand([AttackPlan(name="scan", start=start)])


@pytest.mark.parametrize("episodes", [0, -1, 10**9])
def test_no_episodes_and_episodes_without_end_are_refused(episodes: int) -> None:
    with pytest.raises(ValueError, match="1 to 1000 episodes"):
        expand([AttackPlan(name="scan", episodes=episodes)])


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_usual_strength_is_one_that_may_be_asked_for(name: str) -> None:
    least, most = CATALOGUE[name].between
    for strength in (least, CATALOGUE[name].strength, most):
        assert expand([AttackPlan(name=name, strength=strength)])[0].strength == strength


@pytest.mark.parametrize("name", CATALOGUE)
def test_attacks_of_any_strength_come_to_an_end(name: str) -> None:
    site = make_sites(1, 1)[0]
    for strength in CATALOGUE[name].between:
        intrusion = CATALOGUE[name].recipe(site, strength, random.Random(1))
        assert len(intrusion.steps) < 1_000_000
        assert all(step.time < 10**12 for step in intrusion.steps[-1:])
