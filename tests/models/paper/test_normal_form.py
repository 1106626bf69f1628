from __future__ import annotations

import math

import pytest

from models.clustering_feature import ClusteringFeature
from models.paper.communication_model import CommunicationModel
from models.paper.normal_form import Norm, NormalForm
from models.paper.relationship import Relationship, add_to, at_minute, shown_once
from models.periodicity import bin_of


def periodic(relationship: Relationship, *gaps: int, operation: str = "get") -> None:
    cluster = ClusteringFeature(len(gaps), sum(gaps), sum(gap * gap for gap in gaps))
    add_to(relationship.periods, (operation, bin_of(round(cluster.mean))), at_minute(cluster, 7))


def norm(relationship: Relationship, most: int = 100) -> Norm:
    return Norm(relationship, model_weight=relationship.weight, most=most, now=7)


def test_support_of_what_is_and_of_what_is_not_in_the_model() -> None:
    model = CommunicationModel(service_type="/light", weight=50, relationships={"/a": Relationship(weight=10)})
    form = NormalForm(model, origin="node", most=100, now=7)
    assert form.som == 0.5  # 50 / 100
    assert form.norm("/a").sor == 5  # 50 / 10
    assert form.norm("/b").sor == 50  # 50 / 1: it counts as seen once
    assert form.version == "node:50"


def test_an_operation_that_was_never_seen_is_as_unusual_as_can_be() -> None:
    seen = Relationship(weight=9)
    for minute in range(9):
        seen.absorb(Relationship(operations=shown_once(("get",), minute)))
    assert norm(seen).operation("get") == 0
    assert norm(seen).operation("set") == 100


def test_a_rare_operation_by_hand() -> None:
    # As in the test of clusters: 97 descriptors read, 1 reads and writes: centre (98/99, 1/99), deviation
    # sqrt(196) / 99, weight 98 of 98. Distance of a write 98 / 99 * sqrt(2):
    # 98 * sqrt(2) / (3 * 14) * 98 / 98 = 3.3; of a read sqrt(2) / 99: sqrt(2) / 42 = .034.
    seen = Relationship(weight=98)
    for minute in range(97):
        seen.absorb(Relationship(operations=shown_once(("get",), minute)))
    seen.absorb(Relationship(operations=shown_once(("get", "set"), 97)))
    assert norm(seen).operation("set") == pytest.approx(98 * math.sqrt(2) / 42)
    assert norm(seen).operation("get") == pytest.approx(math.sqrt(2) / 42)


def test_a_feature_of_which_nothing_is_known_is_no_anomaly() -> None:
    empty = norm(Relationship(weight=5))
    assert empty.location("other") == empty.data_type("/t") == empty.operation("get") == empty.partners(9) == 0
    assert empty.interval("get", 5) == empty.group("get", [ClusteringFeature(20, 20, 20)]) == 0


def test_more_partners_than_ever_are_unusual_and_fewer_are_not() -> None:
    # 10 descriptors with 2 partners: deviation that of rounding, 1/sqrt(12). 5 partners: 3 / (3/sqrt(12)) = 3.5.
    seen = Relationship(weight=10, partners={2: ClusteringFeature(10, 20, 40, 70, 490)})
    assert norm(seen).partners(1) == norm(seen).partners(2) == 0
    assert norm(seen).partners(5) == pytest.approx(math.sqrt(12))


def test_an_interval_is_measured_from_the_nearest_period() -> None:
    # Gaps of 990 and 1010, three each, and 5000 six times: shares 1/2, deviations 10 and 1/sqrt(12).
    # 1060: 60 / (3 * 10) * 8 / 4 = 4 with relationshipWeight 8.
    seen = Relationship(weight=8)
    periodic(seen, 990, 1010, 990, 1010, 990, 1010)
    periodic(seen, *[5000] * 6)
    assert [each.centre for each in norm(seen).periods("get")] == [1000, 5000]
    assert norm(seen).interval("get", 1060) == pytest.approx(4)
    assert norm(seen).interval("get", 5000) == 0
    assert norm(seen).interval("set", 1060) == 0


def test_what_less_than_a_twentieth_of_the_gaps_shows_is_no_period() -> None:
    seen = Relationship(weight=8)
    periodic(seen, *[5000] * 96)
    periodic(seen, *[1] * 4)
    assert [each.centre for each in norm(seen).periods("get")] == [5000]


def test_the_group_anomaly_by_hand() -> None:
    # 2000 and 4000 as often: centre 3000, deviation 1000, share 1. The flow's one cluster is at 0:
    # 3000 * (1 + 1) / 3000 = 2.
    seen = Relationship(weight=8)
    periodic(seen, *[2000, 4000] * 50)
    assert norm(seen).group("get", [ClusteringFeature(200, 0, 0)]) == pytest.approx(2)
