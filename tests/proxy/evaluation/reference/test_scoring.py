"""Figures of the authors' rule set, computed by hand from what is known of it."""

from __future__ import annotations

import pytest

from models.access import Access, Operation
from proxy.evaluation.reference.clusters import Cluster, Shares
from proxy.evaluation.reference.model import Model, Relationship
from proxy.evaluation.reference.scoring import (
    THRESHOLD,
    anomaly_value,
    location,
    rarity,
    support_of_model,
    support_of_relationship,
)
from tests.models.accesses import START, access


def descriptor(*partner_types: str, partners: int = 1) -> Model:
    """Return what a light sends that reads booleans in its own room."""
    model = Model()
    for partner_type in partner_types:
        row = model.relationships[partner_type] = Relationship(weight=1)
        row.partners.observe(partners)
        row.same_room.observe(1)
        row.data_types.observe(4)
        row.operations.observe(0)
    return model


def model_of(count: int, *, known_in: int | None = None, partners: int = 1) -> Model:
    model = Model(weight=0)
    for number in range(count):
        known = known_in is None or number < known_in
        model.merge(descriptor("/movement", partners=partners) if known else descriptor())
    return model


def test_a_relationship_in_half_of_the_descriptors() -> None:
    model = model_of(10, known_in=5)
    assert model.relationships["/movement"].weight == 5
    assert support_of_relationship(model, model.relationships["/movement"]) == 2.0


def test_only_the_numerator_is_capped() -> None:
    model = model_of(5000)
    assert support_of_model(model) == 1.0
    assert support_of_relationship(model, model.relationships["/movement"]) == 0.6


def shares(rare: int, count: int) -> Shares:
    made = Shares.of(2)
    for number in range(count):
        made.observe(int(number < rare))
    return made


@pytest.mark.parametrize(("rare", "count", "score"), [(0, 100, 20), (10, 100, 6.0), (20, 100, 3.2), (50, 100, 0.909)])
def test_rare_operations_and_data_types(rare: int, count: int, score: float) -> None:
    assert rarity(shares(rare, count), 1) == pytest.approx(score, abs=0.001)


def test_rarity_is_refused_below_eight_percent() -> None:
    assert rarity(shares(812, 10_000), 1) >= THRESHOLD > rarity(shares(813, 10_000), 1)


def rooms(same: int, count: int) -> Cluster:
    made = Cluster()
    for number in range(count):
        made.observe(number < same)
    return made


def test_another_room_than_ever() -> None:
    assert location(rooms(50, 50), same=False) == pytest.approx(75.5, abs=0.05)
    assert location(rooms(50, 50), same=True) == 0


def test_another_room_is_refused_from_97_percent_on() -> None:
    assert location(rooms(971, 1000), same=False) >= THRESHOLD > location(rooms(970, 1000), same=False)


def refused(model: Model, asked: Access) -> bool:
    return anomaly_value(asked, model, descriptor("/movement"), partner_is_new=False) >= THRESHOLD


def test_when_refusing_begins() -> None:
    unknown = access(START, destination_type="/battery")
    assert (refused(model_of(1049), unknown), refused(model_of(1050), unknown)) == (False, True)
    write = access(START, operation=Operation.SET)
    assert (refused(model_of(1049), write), refused(model_of(1050), write)) == (False, True)
    other_room = access(START, rooms=("hall", "attic"))
    assert (refused(model_of(278), other_room), refused(model_of(279), other_room)) == (False, True)


def test_a_rare_relationship_is_refused_for_its_rarity() -> None:
    assert refused(model_of(3000, known_in=428), access(START))
    assert not refused(model_of(3000, known_in=429), access(START))


def test_a_flood_looks_like_any_other_access() -> None:
    assert not refused(model_of(3000), access(START))


def test_an_unknown_type_scores_20_whether_the_descriptor_has_it_or_not() -> None:
    asked = access(START, destination_type="/battery")
    for newest in (None, descriptor(), descriptor("/battery")):
        assert anomaly_value(asked, model_of(3000), newest, partner_is_new=True) == 20


def test_one_partner_more_where_there_always_was_one() -> None:
    # |1 + 1 - 1| / (3 * 0.001)
    asked, model = access(START), model_of(3000)
    assert anomaly_value(asked, model, descriptor("/movement"), partner_is_new=True) == pytest.approx(333.3, abs=0.1)
    # Without the relationship in the descriptor: |1 - 1|, so what remains is SoR.
    assert anomaly_value(asked, model, descriptor(), partner_is_new=True) == 1


def test_a_partner_whose_noting_scores_below_the_threshold_is_known() -> None:
    # 60/3000 * 1 * 333 = 6.7 is noted first; 63/3000 * 333 = 7.0 is not.
    for count, av in ((60, 60 / 3000), (63, 63 / 3000 * 1000 / 3)):
        scored = anomaly_value(access(START), model_of(count), descriptor("/movement"), partner_is_new=True)
        assert scored == pytest.approx(av)
