from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.paper.communication_model import MAX_RELATIONSHIPS, CommunicationModel, Descriptor
from models.paper.relationship import Relationship, shown_once
from tests.models.paper.reports import DESCRIPTORS

REPORTS = st.lists(DESCRIPTORS, max_size=4)


def summed(reports: list[Descriptor]) -> CommunicationModel:
    model = CommunicationModel(service_type="/light")
    for each in reports:
        model.fold(each)
    return model


def added(*models: CommunicationModel) -> CommunicationModel:
    total = CommunicationModel(service_type="/light")
    for each in models:
        total.absorb(each)
    return total


@given(REPORTS, REPORTS)
def test_the_model_of_all_reports_is_the_sum_of_models(one: list[Descriptor], other: list[Descriptor]) -> None:
    assert summed(one + other) == added(summed(one), summed(other))


@given(REPORTS, REPORTS, REPORTS)
@settings(max_examples=40)
def test_origins_may_come_in_any_order_and_leave_no_trace(
    a: list[Descriptor], b: list[Descriptor], c: list[Descriptor]
) -> None:
    one, two, three = summed(a), summed(b), summed(c)
    assert added(one, two) == added(two, one)
    assert added(added(one, two), three) == added(one, added(two, three))
    total = added(one, two, three)
    total.release(two)
    assert total == added(one, three)


def test_idle_minutes_weigh_as_much_as_others() -> None:
    # 1 minute with a relationship and 3 idle ones: modelWeight 4, relationshipWeight 1.
    row = Relationship(weight=1, operations=shown_once(("get",), 7))
    busy = Descriptor(service_type="/light", relationships={"/a": row})
    model = summed([busy, Descriptor(service_type="/light", minutes=3)])
    assert model.weight == 4
    assert model.relationships["/a"].weight == 1


def test_another_type_is_refused() -> None:
    model = summed([])
    for add in (model.absorb, model.release):
        with pytest.raises(ValueError, match="cannot take in"):
            add(CommunicationModel(service_type="/door"))
    with pytest.raises(ValueError, match="cannot take in"):
        model.fold(Descriptor(service_type="/door"))


def test_what_was_never_added_changes_nothing_when_it_is_taken_out() -> None:
    row = Relationship(weight=1, operations=shown_once(("get",), 7))
    model = summed([Descriptor(service_type="/light", relationships={"/a": row}), Descriptor(service_type="/light")])
    before = added(model)
    with pytest.raises(ValueError, match="cannot be taken out"):
        model.release(summed([Descriptor(service_type="/light", minutes=3)]))
    with pytest.raises(ValueError, match="taken out"):
        model.release(summed([Descriptor(service_type="/light", relationships={"/b": row})]))
    assert model == before


def test_partner_types_without_end_fill_a_bounded_place() -> None:
    row = Relationship(weight=1)
    model = summed(
        [Descriptor(service_type="/light", relationships={f"/{n}": row}) for n in range(MAX_RELATIONSHIPS + 3)]
    )
    assert len(model.relationships) == MAX_RELATIONSHIPS
    assert model.weight == MAX_RELATIONSHIPS + 3


def test_a_sum_holds_the_partner_types_of_all_and_gives_them_back() -> None:
    one, other = (
        summed(
            [
                Descriptor(service_type="/light", relationships={f"/{name}{number}": Relationship(weight=1)})
                for number in range(MAX_RELATIONSHIPS)
            ]
        )
        for name in "ab"
    )
    both = added(one, other)
    assert both == added(other, one)
    assert len(both.relationships) == 2 * MAX_RELATIONSHIPS
    both.release(one)
    assert both == other
