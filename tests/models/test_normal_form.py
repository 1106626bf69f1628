from __future__ import annotations

import pytest

from models.categorical import Counts
from models.clustering_feature import ClusteringFeature
from models.communication_model import CommunicationModel
from models.flood import UNIT
from models.normal_form import NormalForm, periods, support_of_location
from models.periodicity import bin_of
from models.relationship import Key, Relationship

KNOWN, RARE, NEW = (Key("/movement", False, operation, "") for operation in ("get", "set", "lock"))


def counted(*counts: float) -> ClusteringFeature:
    feature = ClusteringFeature()
    for count in counts:
        feature.observe(round(count * UNIT), 0)
    return feature


def form(weight: int = 30, **relationships: Relationship) -> NormalForm:
    keys = {"known": KNOWN, "rare": RARE}
    model = CommunicationModel(
        service_type="/light", weight=weight, relationships={keys[name]: each for name, each in relationships.items()}
    )
    return NormalForm(model, version="node:1")


@pytest.mark.parametrize(("weight", "som"), [(0, 0.0), (15, 0.25), (60, 1.0), (6000, 1.0)])
def test_support_of_model_is_full_after_an_hour(weight: int, som: float) -> None:
    assert form(weight).som == som


def test_support_of_relationship_by_hand() -> None:
    # N = 20 + 1 = 21, n1 = 1: u = 23/2 = 11.5. New: 11.5. Seen once: 11.5/6. Seen 20 times: 11.5/101.
    normal = form(known=Relationship(weight=20), rare=Relationship(weight=1))
    assert (normal.support, normal.rare, normal.novelty) == (21, 1, 11.5)
    assert normal.norm(NEW).sor == 11.5
    assert normal.norm(RARE).sor == pytest.approx(11.5 / 6)
    assert normal.norm(KNOWN).sor == pytest.approx(11.5 / 101)


def test_novelty_is_at_most_100() -> None:
    assert form(known=Relationship(weight=10_000)).novelty == 100


def test_types_that_keep_doing_new_things_are_forgiven() -> None:
    # N = n1 = 40, each seen once: u = 42/41.
    model = CommunicationModel(
        service_type="/phone",
        weight=60,
        relationships={Key(f"/{index}", False, "get", ""): Relationship(weight=1) for index in range(40)},
    )
    assert NormalForm(model, version="node:1").norm(NEW).sor == pytest.approx(42 / 41)


def test_location_by_hand() -> None:
    assert support_of_location(6, 0) == 7
    assert support_of_location(6, 1) == pytest.approx(7 / 6)
    assert support_of_location(6, 6) == pytest.approx(7 / 31)


def test_rooms_are_counted_apart() -> None:
    norm = form(known=Relationship(weight=9, instances=5, rooms=Counts(same=4, other=2))).norm(KNOWN)
    assert (norm.instances, norm.same, norm.other) == (5, 4, 2)


def test_flood_on_a_new_relationship_is_compared_with_all_of_the_type() -> None:
    # Counters 1, 1 and 4 together: mean 2.
    normal = form(known=Relationship(weight=2, fast=counted(1, 1)), rare=Relationship(weight=1, fast=counted(4)))
    unknown = normal.norm(NEW).fast
    assert unknown is not None
    assert unknown.mean == 2
    assert unknown.excess(50) > 100


def gaps(*centres: tuple[int, int], minute: int = 0) -> Relationship:
    relationship = Relationship(weight=1)
    for centre, count in centres:
        for index in range(count):
            gap = centre + index % 3 - 1
            relationship.gaps.setdefault(bin_of(gap), ClusteringFeature()).observe(gap, minute)
    return relationship


def test_period_that_is_wider_than_a_bin_is_one() -> None:
    # Bins near 20 s begin at 16.384, 18.432, 20.48 and 22.528 s.
    relationship = gaps(*[(centre, 3) for centre in range(17_000, 24_000, 100)])
    assert len(relationship.gaps) == 4
    (period,) = periods(relationship, 0)
    assert (period.centre, period.support) == (20_450, 210)


@pytest.mark.parametrize(("outlier", "support"), [(22_800, 123), (26_000, 120)])
def test_sparse_bin_joins_a_period_within_three_deviations(outlier: int, support: int) -> None:
    # 19 and 21 s, 60 gaps each: mean 20 s, deviation 1 s, so it reaches to 23 s.
    found = periods(gaps((19_000, 60), (21_000, 60), (outlier, 3)), 0)
    assert [each.support for each in found] == [support]


def test_rare_gap_is_no_period() -> None:
    found = periods(gaps((12_000, 60), (30_000, 40), (90_000, 3)), 0)
    assert [(round(each.centre), each.support) for each in found] == [(12_000, 60), (30_000, 40)]


def test_stale_period_is_forgotten() -> None:
    relationship = gaps((12_000, 60), minute=1_000)
    relationship.absorb(gaps((30_000, 60), minute=20_000))
    assert [round(each.centre) for each in periods(relationship, 2_000)] == [12_000, 30_000]
    assert [round(each.centre) for each in periods(relationship, 20_000)] == [30_000]
