from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import contributions as module
from models.communication_model import CommunicationModel
from models.contributions import Contribution, Contributions
from models.descriptor import Descriptor
from models.relationship import Key, Relationship
from tests.models.test_communication_model import models, total
from tests.models.test_relationship import summary

READ = Key("/movement", own=False, operation="get", data_type="/derived/boolean")


def report(model: CommunicationModel, *, epoch: int = 1, sequence: int = 1) -> Contribution:
    return Contribution(epoch=epoch, sequence=sequence, model=copy.deepcopy(model))


def of(**by_origin: CommunicationModel) -> Contributions:
    contributions = Contributions("/light")
    for origin, model in by_origin.items():
        contributions.put(origin, report(model))
    return contributions


@given(models(), models(), models())
def test_order_of_arrival_does_not_matter(
    one: CommunicationModel, two: CommunicationModel, three: CommunicationModel
) -> None:
    contributions = of(a=one, b=two, c=three)
    assert contributions.total == of(c=three, a=one, b=two).total == total(one, two, three)
    assert contributions.supporters == of(b=two, c=three, a=one).supporters


@given(models(), models())
def test_adding_an_origin_and_removing_it_is_the_identity(one: CommunicationModel, two: CommunicationModel) -> None:
    contributions = of(a=one)
    contributions.put("b", report(two))
    contributions.remove("b")
    assert contributions.total == one
    assert contributions.supporters == of(a=one).supporters


@given(models(), models())
def test_newer_state_replaces_the_older(one: CommunicationModel, two: CommunicationModel) -> None:
    contributions = of(a=one)
    assert contributions.put("a", report(total(one, two), sequence=2))
    assert contributions.total == total(one, two)


@given(models(), models())
def test_what_arrives_again_or_late_counts_once(one: CommunicationModel, two: CommunicationModel) -> None:
    contributions = Contributions("/light")
    contributions.put("a", report(total(one, two), sequence=2))
    assert not contributions.put("a", report(total(one, two), sequence=2))
    assert not contributions.put("a", report(one, sequence=1))
    assert contributions.total == total(one, two)


@given(models(), models())
def test_origin_that_begins_anew_starts_from_nothing(one: CommunicationModel, two: CommunicationModel) -> None:
    contributions = Contributions("/light")
    contributions.put("a", report(one, epoch=1, sequence=900))
    assert contributions.put("a", report(two, epoch=2, sequence=1))
    assert contributions.total == two


@given(models(), models())
def test_nobody_gets_the_own_contribution_back(one: CommunicationModel, two: CommunicationModel) -> None:
    contributions = of(a=one, b=two)
    assert contributions.without("a") == two
    assert contributions.without("b") == one
    assert contributions.without("nobody") == total(one, two)


@given(st.lists(st.sampled_from(["a", "b"]), max_size=6))
def test_descriptors_add_up_by_origin(origins: list[str]) -> None:
    contributions = Contributions("/light")
    for minute, origin in enumerate(origins):
        relationship = Relationship(weight=1, fast=summary([(1000, minute)]))
        contributions.fold(
            origin, [Descriptor(service_type="/light", minute=minute, relationships={READ: relationship})]
        )
    assert contributions.total.weight == len(origins)
    assert contributions.supporters.get(READ, 0) == len(set(origins)) == contributions.origins


def test_origin_that_outweighs_all_is_scaled_down() -> None:
    honest = CommunicationModel(service_type="/light", weight=50, relationships={READ: Relationship(weight=50)})
    shouting = CommunicationModel(
        service_type="/light",
        weight=10**9,
        relationships={READ: Relationship(weight=10**9, fast=summary([(1000, 5)] * 9))},
    )
    contributions = of(a=honest)
    contributions.put("b", report(shouting), cap=100)
    assert contributions.total.weight == 150
    assert contributions.total.relationships[READ].weight == 150
    contributions.remove("b")
    assert contributions.total == honest


def test_report_of_another_type_changes_nothing() -> None:
    contributions = of(a=CommunicationModel(service_type="/light", weight=1))
    with pytest.raises(ValueError, match="cannot take in reports of /lock"):
        contributions.put("b", report(CommunicationModel(service_type="/lock", weight=1)))
    assert contributions.origins == 1
    assert contributions.total.weight == 1


def test_too_many_origins_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ORIGINS", 2)
    model = CommunicationModel(service_type="/light", weight=1)
    contributions = of(a=model, b=model)
    with pytest.raises(ValueError, match="2 origins already"):
        contributions.put("c", report(model))
    assert contributions.put("b", report(model, sequence=2))
