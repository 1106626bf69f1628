from __future__ import annotations

import msgspec
import pytest

from models.clustering_feature import ClusteringFeature
from models.paper.anomaly import Features, assess
from models.paper.communication_model import CommunicationModel, Descriptor
from models.paper.normal_form import NormalForm
from models.paper.relationship import Relationship, at_minute, shown_once

USUAL = Features(partner="/movement", partners=1, room="same", operation="get", data_type="/boolean", gap=20_000)


def form(*, minutes: int = 50, most: int = 100) -> NormalForm:
    """A model of so many minutes in which always the same was seen: a read every 20 s."""
    model = CommunicationModel(service_type="/light")
    for minute in range(minutes):
        gaps = at_minute(ClusteringFeature(3, 60_000, 3 * 20_000**2), minute)
        row = Relationship(
            weight=1,
            partners={1: at_minute(ClusteringFeature(1, 1, 1), minute)},
            rooms=shown_once(("same",), minute),
            operations=shown_once(("get",), minute),
            data_types=shown_once(("/boolean",), minute),
            periods={("get", 115): gaps},
        )
        model.fold(Descriptor(service_type="/light", relationships={"/movement": row}))
    return NormalForm(model, origin="node", most=most, now=minutes)


def test_the_usual_by_hand() -> None:
    # SoM 50 / 100, SoR 50 / 50, every SoA 0: AV = .5 * max(1, 0).
    score = assess(form(), USUAL, 0)
    assert (score.som, score.sor, score.soa, score.av) == (0.5, 1, 0, 0.5)
    assert score.deciding == "relationship"
    assert score.terms["model_weight"] == score.terms["relationship_weight"] == 50


@pytest.mark.parametrize(
    ("changes", "deciding"),
    [
        ({"partner": "/doorLock"}, "relationship"),
        ({"partners": 30}, "partners"),
        ({"room": "other"}, "same_location"),
        ({"operation": "set"}, "operation"),
        ({"data_type": "/text"}, "data_type"),
        ({"gap": 500}, "interval"),
    ],
)
def test_whatever_is_unlike_the_usual_is_what_decides(changes: dict[str, object], deciding: str) -> None:
    score = assess(form(), msgspec.structs.replace(USUAL, **changes), 0)
    assert score.deciding == deciding
    assert score.av > 15
    assert score.av == score.som * max(score.sor, score.soa) == score.som * score.terms[deciding]


def test_a_group_that_is_out_of_step_decides() -> None:
    score = assess(form(), USUAL, 44)
    assert (score.deciding, score.av) == ("group", 22)


def test_missing_features_have_no_term() -> None:
    bare = Features(partner="/movement", partners=1, room=None, operation="get", data_type=None, gap=None)
    score = assess(form(), bare, 0)
    assert score.av == 0.5
    assert "gap" not in score.terms


def test_no_value_exceeds_max_model_weight() -> None:
    for most in (100, 3000):
        worst = assess(form(minutes=most, most=most), msgspec.structs.replace(USUAL, operation="set"), 0)
        assert worst.av == most
