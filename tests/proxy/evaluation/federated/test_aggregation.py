"""Ways to add up what sites contribute."""

from __future__ import annotations

from collections.abc import Sequence

from models.communication_model import CommunicationModel
from models.contributions import CAP
from models.relationship import Key, Relationship
from proxy.evaluation.federated import aggregation

USUAL, RARE = Key("/movement", False, "get", ""), Key("/movement", False, "set", "")


def model(weight: int, *, rare: int = 0, reading: int = 1000) -> CommunicationModel:
    found = CommunicationModel(service_type="/light", weight=weight)
    for key, count in ((USUAL, weight), (RARE, rare)):
        if count:
            each = found.relationships[key] = Relationship(weight=count)
            for minute in range(24_000_000, 24_000_003):
                each.fast.observe(reading, minute)
                each.slow.observe(reading, minute)
    return found


HONEST: Sequence[CommunicationModel] = [model(1000) for _ in range(4)]


def test_as_shipped_each_site_is_capped_and_counted_once() -> None:
    found = aggregation.shipped([*HONEST, model(10 * CAP, rare=5)])
    assert found.model.weight == 4000 + CAP
    assert found.supporters == {USUAL: 5, RARE: 1}
    assert found.origins == 5


def test_without_cap_a_site_weighs_what_it_says() -> None:
    assert aggregation.without_cap([*HONEST, model(10 * CAP)]).model.weight == 4000 + 10 * CAP


def test_without_quorum_every_site_is_believed() -> None:
    models = [*HONEST, model(1000, rare=5)]
    assert aggregation.without_quorum(models).supporters[RARE] == 2
    assert aggregation.without_both(models).supporters[RARE] == 2
    assert aggregation.shipped(models).supporters[RARE] == 1


def test_a_trimmed_sum_leaves_the_ends_out() -> None:
    found = aggregation.trimmed([*HONEST, model(1000, rare=5, reading=9000)])
    assert set(found.model.relationships) == {USUAL}
    assert found.model.relationships[USUAL].fast.mean == 1000
    many = aggregation.trimmed([*HONEST[:2], *(model(1000, rare=5, reading=9000) for _ in range(3))])
    assert RARE in many.model.relationships


def test_what_is_added_up_is_not_changed() -> None:
    models = [model(1000, rare=5), model(2000)]
    for each in aggregation.AGGREGATIONS:
        each.aggregate(models)
    assert models == [model(1000, rare=5), model(2000)]
