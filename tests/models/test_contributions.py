from __future__ import annotations

import copy
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import communication_model
from models import contributions as module
from models.communication_model import MAX_KEYS, CommunicationModel
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


def silence(contributions: Contributions, origin: str) -> None:
    """Let an origin begin anew, with nothing."""
    assert contributions.put(origin, report(CommunicationModel(service_type="/light"), epoch=9))


@given(models(), models(), models())
def test_order_of_arrival_does_not_matter(
    one: CommunicationModel, two: CommunicationModel, three: CommunicationModel
) -> None:
    contributions = of(a=one, b=two, c=three)
    assert contributions.total == of(c=three, a=one, b=two).total == total(one, two, three)
    assert contributions.supporters == of(b=two, c=three, a=one).supporters


@given(models(), models())
def test_adding_what_an_origin_said_and_taking_it_out_is_the_identity(
    one: CommunicationModel, two: CommunicationModel
) -> None:
    contributions = of(a=one)
    contributions.put("b", report(two))
    silence(contributions, "b")
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
    silence(contributions, "b")
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


@given(models(), models(), models())
@settings(max_examples=40)
def test_laws_hold_where_origins_are_full(
    one: CommunicationModel, two: CommunicationModel, three: CommunicationModel
) -> None:
    with patch.object(communication_model, "MAX_KEYS", 2):
        contributions = of(a=one, b=two, c=three)
        assert contributions.total == of(c=three, b=two, a=one).total
        assert contributions.total == total(*(each.capped(module.CAP) for each in (two, three, one)))
        contributions.put("b", report(three, sequence=2))
        assert contributions.total == of(a=one, b=three, c=three).total
        silence(contributions, "b")
        silence(contributions, "c")
        assert contributions.total == of(a=one).total
        assert contributions.supporters == of(a=one).supporters
        silence(contributions, "a")
        assert contributions.total == CommunicationModel(service_type="/light")
        assert contributions.supporters == {}


def strange(prefix: str, number: int) -> CommunicationModel:
    """A model of relationships that no other has, each seen once."""
    keys = [Key(f"{prefix}{index}", own=False, operation="get", data_type="") for index in range(number)]
    return CommunicationModel(
        service_type="/light",
        weight=number,
        relationships={key: Relationship(weight=1) for key in keys},
        partners={key.partner: summary([(1, 7)]) for key in keys},
    )


def test_origins_that_flood_their_own_state_take_no_place_from_others() -> None:
    flooding, honest = strange("/a", 2 * MAX_KEYS), strange("/b", MAX_KEYS)
    contributions = of(a=flooding, b=honest, c=flooding)
    assert len(contributions.total.relationships) == len(contributions.total.partners) == 2 * MAX_KEYS
    assert contributions.put("a", report(flooding, sequence=2))
    silence(contributions, "a")
    silence(contributions, "c")
    assert contributions.total == honest


def learnt(minute: int, *keys: Key) -> Descriptor:
    return Descriptor(
        service_type="/light",
        minute=minute,
        relationships={key: Relationship(weight=1) for key in keys},
        partners={key.partner: 1 for key in keys},
    )


def test_full_origin_learns_what_it_knows_and_no_more() -> None:
    contributions = Contributions("/light")
    contributions.fold("a", [learnt(7, READ)])
    flood = [learnt(8, *strange(f"/{number}", 100).relationships) for number in range(20)]
    contributions.fold("a", [*flood, learnt(8, READ)])
    ((_, mine),) = contributions
    assert len(mine.model.relationships) == len(mine.model.partners) == MAX_KEYS
    assert mine.model.relationships[READ].weight == 2
    assert mine.model.weight == 22
    assert contributions.total == mine.model
    assert contributions.supporters == dict.fromkeys(mine.model.relationships, 1)

    new = Key("/new", own=False, operation="get", data_type="")
    contributions.fold("a", [learnt(9, new)])
    contributions.fold("b", [learnt(9, new)])
    assert contributions.supporters[new] == contributions.total.relationships[new].weight == 1
    silence(contributions, "a")
    assert set(contributions.total.relationships) == set(contributions.supporters) == {new}


def test_what_is_refused_changes_nothing() -> None:
    contributions = of(a=strange("/a", 3), b=strange("/b", 2))
    with pytest.raises(ValueError, match="cannot take in reports of /lock"):
        contributions.put("a", report(CommunicationModel(service_type="/lock", weight=1), sequence=2))
    with pytest.raises(ValueError, match="cannot take in reports of /lock"):
        contributions.fold("a", [learnt(7, READ), Descriptor(service_type="/lock", minute=7)])
    assert contributions.total == total(strange("/a", 3), strange("/b", 2))
    assert contributions.supporters == of(a=strange("/a", 3), b=strange("/b", 2)).supporters
    assert dict(contributions)["a"] == report(strange("/a", 3))


def test_keys_without_content_are_nobodys() -> None:
    nothing = CommunicationModel(service_type="/light", relationships={READ: Relationship()})
    contributions = of(a=nothing, b=nothing)
    silence(contributions, "b")
    assert contributions.total == CommunicationModel(service_type="/light")
    assert contributions.supporters == {}
