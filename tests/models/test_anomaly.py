from __future__ import annotations

from typing import TypedDict, Unpack

import pytest

from models.anomaly import UNSCORED, assess
from models.categorical import Counts
from models.clustering_feature import ClusteringFeature
from models.communication_model import CommunicationModel
from models.flood import UNIT, Habit
from models.normal_form import NormalForm
from models.relationship import Key, Relationship
from models.score import Score

KEY = Key("/movement", False, "get", "/derived/boolean")
OTHER = Key("/lock", False, "set", "/derived/boolean")


class Observed(TypedDict, total=False):
    expected: bool
    room: str | None
    familiar: bool
    fast: float
    slow: float
    habit: Habit
    gap: int
    untimely: float


def score(key: Key = KEY, *, weight: int = 30, instances: int = 6, **observed: Unpack[Observed]) -> Score:
    """Score by a model with 998 descriptors of one relationship, counters always at 1."""
    counters = ClusteringFeature(1000, 1000 * UNIT, 1000 * UNIT * UNIT, 0, 0)
    relationship = Relationship(
        weight=998, instances=instances, rooms=Counts(same=instances), fast=counters, slow=counters
    )
    model = CommunicationModel(service_type="/light", weight=weight, relationships={KEY: relationship})
    form = NormalForm(model, version="node:30")
    usual = Observed(
        expected=False, room="same", familiar=False, fast=1.0, slow=1.0, habit=Habit(), gap=1, untimely=0.0
    )
    usual.update(observed)
    return assess(form, form.norm(key), **usual)


def test_usual_access_by_hand() -> None:
    # N = 998, n1 = 0: u = min(100, 1000) = 100. SoR = 100/(1+5*998) = 100/4991. Location (6+1)/(1+5*6) = 7/31.
    usual = score()
    assert usual.sor == pytest.approx(100 / 4991)
    assert usual.soa == pytest.approx(7 / 31)
    assert usual.av == pytest.approx(0.5 * 7 / 31)  # SoM = 30/60
    assert usual.deciding == "location"
    assert usual.terms["rate"] == usual.terms["period"] == 0


def test_new_relationship_by_hand() -> None:
    new = score(OTHER)
    assert (new.som, new.sor, new.av, new.deciding) == (0.5, 100, 50, "relationship")


def test_relationship_that_the_middleware_demands_is_expected() -> None:
    assert score(OTHER, expected=True).av == 0


def test_other_room_from_six_instances_on() -> None:
    assert score(weight=60, room="other").av == 7
    assert score(weight=60, room="other").deciding == "location"
    assert score(weight=60, room="other", instances=5).terms["location"] == 0


def test_other_room_is_normal_for_an_instance_that_was_seen_there() -> None:
    assert score(room="other", familiar=True).soa == 0


def test_unknown_location_has_no_term() -> None:
    assert score(room=None).terms["location"] == 0


def test_rate_by_hand() -> None:
    # (5-1)^2 / (1 * 1001/1000); the fast counter decides here, the slow one there.
    fast, slow = score(fast=5.0), score(slow=5.0)
    assert fast.soa == slow.soa == pytest.approx(16 / 1.001)
    assert fast.deciding == slow.deciding == "rate"
    assert (fast.terms["rate_slow"], slow.terms["rate_fast"]) == (0, 0)


def test_period_decides_where_it_is_largest() -> None:
    untimely = score(untimely=9.0)
    assert (untimely.soa, untimely.deciding, untimely.av) == (9, "period", 4.5)


def test_every_part_of_the_value_is_among_the_terms() -> None:
    found = score(fast=3.0, untimely=2.0)
    terms = found.terms
    assert found.sor == terms["relationship"] == terms["novelty"] / (1 + 5 * terms["relationship_weight"])
    assert terms["novelty"] == min(100, (terms["support"] + 2) / (terms["rare"] + 1))
    assert found.som == min(1, terms["model_weight"] / 60)
    assert terms["location"] == (terms["location_instances"] + 1) / (1 + 5 * terms["location_seen"])
    assert terms["rate"] == max(terms["rate_fast"], terms["rate_slow"])
    assert (terms["count_fast"], terms["count_slow"], terms["normal_fast"], terms["normal_slow"]) == (3, 1, 1, 1)
    assert found.soa == max(terms["location"], terms["rate"], terms["period"])
    assert found.av == found.som * max(found.sor, found.soa)
    assert found.model_version == "node:30"


def test_where_there_is_no_model_nothing_is_unusual() -> None:
    assert (UNSCORED.av, UNSCORED.som, UNSCORED.model_version) == (0, 0, "none")
