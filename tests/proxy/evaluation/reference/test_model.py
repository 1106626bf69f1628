"""Merging of descriptors."""

from __future__ import annotations

from proxy.evaluation.reference.model import Model, Relationship


def descriptor(*partner_types: str) -> Model:
    model = Model()
    for partner_type in partner_types:
        relationship = model.relationships[partner_type] = Relationship(weight=1)
        relationship.partners.observe(2)
        relationship.operations.observe(0)
    return model


def test_weights_count_descriptors() -> None:
    model = descriptor("/movement")
    for number in range(9):
        model.merge(descriptor("/movement", "/battery") if number < 5 else descriptor("/movement"))
    assert model.weight == 10
    assert model.relationships["/movement"].weight == 10
    assert model.relationships["/battery"].weight == 5
    assert model.relationships["/battery"].partners.centre == 2
    assert model.relationships["/battery"].operations.counts == [5, 0, 0, 0]


def test_what_a_model_took_over_does_not_follow_the_descriptor() -> None:
    model, newest = descriptor(), descriptor("/movement")
    model.merge(newest)
    newest.relationships["/movement"].operations.observe(1)
    assert model.relationships["/movement"].operations.counts == [1, 0, 0, 0]
