from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import communication_model as module
from models.communication_model import MAX_KEYS, CommunicationModel, together
from models.descriptor import Descriptor
from models.relationship import Key, Relationship
from tests.models.test_relationship import relationships, summary

KEYS = st.builds(Key, st.sampled_from(["/a", "/b"]), st.booleans(), st.just("get"), st.sampled_from(["/x", "/y"]))
VISIBLE = relationships().filter(lambda each: each.weight > 0)


@st.composite
def models(draw: st.DrawFn) -> CommunicationModel:
    return CommunicationModel(
        service_type="/light",
        weight=draw(st.integers(0, 100)),
        relationships=draw(st.dictionaries(KEYS, VISIBLE, max_size=4)),
        partners={
            name: summary([(count, 0)])
            for name, count in draw(st.dictionaries(st.sampled_from(["/a", "/b"]), st.integers(1, 9))).items()
        },
    )


def total(*parts: CommunicationModel) -> CommunicationModel:
    result = CommunicationModel(service_type="/light")
    for part in parts:
        result.absorb(part)
    return result


@given(models(), models(), models())
def test_sum_does_not_depend_on_order(
    one: CommunicationModel, two: CommunicationModel, three: CommunicationModel
) -> None:
    assert total(one, two, three) == total(three, one, two) == total(total(three, two), one)


@given(models(), models())
def test_what_was_added_can_be_taken_out(one: CommunicationModel, other: CommunicationModel) -> None:
    both = total(one, other)
    both.release(other)
    assert both == one


@given(models())
def test_taking_out_too_much_changes_nothing(one: CommunicationModel) -> None:
    more = total(
        one,
        CommunicationModel(service_type="/light", relationships={Key("/c", False, "set", ""): Relationship(weight=1)}),
    )
    before = copy.deepcopy(one)
    with pytest.raises(ValueError, match="never added"):
        one.release(more)
    with pytest.raises(ValueError, match="cannot be taken out"):
        one.release(total(one, CommunicationModel(service_type="/light", weight=1)))
    assert one == before


def test_descriptors_add_up() -> None:
    key = Key("/a", False, "get", "/x")
    model = CommunicationModel(service_type="/light")
    model.fold(
        Descriptor(service_type="/light", minute=7, relationships={key: Relationship(weight=1)}, partners={"/a": 2})
    )
    model.fold(
        Descriptor(service_type="/light", minute=8, relationships={key: Relationship(weight=1)}, partners={"/a": 4})
    )
    model.fold(Descriptor(service_type="/light", minute=9, minutes=5))
    assert model.weight == 7
    assert model.relationships[key].weight == 2
    # LS = 2+4, SS = 4+16, minutes 7+8 and 49+64.
    assert model.partners["/a"].sums == (2, 6, 20, 15, 113)


@given(st.lists(st.dictionaries(KEYS, VISIBLE, max_size=3), max_size=4), st.integers(1, 9))
def test_reports_together_teach_what_they_teach_one_by_one(shown: list[dict[Key, Relationship]], count: int) -> None:
    reports = [
        Descriptor(service_type="/light", minute=7, minutes=2, relationships=each, partners={"/a": count})
        for each in [*shown, *shown[:1]]  # one of them twice
    ]
    before = copy.deepcopy(reports)
    one_by_one = CommunicationModel(service_type="/light")
    for report in [*reports, *reports]:
        one_by_one.fold(report)
    at_once = together("/light", reports)
    assert total(at_once, at_once) == one_by_one
    assert reports == before


def test_report_of_another_type_is_refused() -> None:
    model = CommunicationModel(service_type="/light")
    with pytest.raises(ValueError, match="/lock"):
        model.fold(Descriptor(service_type="/lock", minute=0))
    with pytest.raises(ValueError, match="/lock"):
        model.absorb(CommunicationModel(service_type="/lock"))


def test_full_model_learns_no_new_relationships_but_goes_on_with_known_ones() -> None:
    def key(index: int) -> Key:
        return Key(f"/partner{index}", False, "get", "")

    model = CommunicationModel(service_type="/light")
    for minute in range(2):
        for index in range(MAX_KEYS + 50):
            model.fold(
                Descriptor(
                    service_type="/light",
                    minute=minute,
                    relationships={key(index): Relationship(weight=1)},
                    partners={key(index).partner: 1},
                )
            )
    assert len(model.relationships) == len(model.partners) == MAX_KEYS
    assert model.relationships[key(0)].weight == 2
    assert key(MAX_KEYS) not in model.relationships


def seen(**times: int) -> CommunicationModel:
    """A model of partner types that were each seen so many times."""
    return CommunicationModel(
        service_type="/light",
        weight=sum(times.values()),
        relationships={Key(name, False, "get", ""): Relationship(weight=each) for name, each in times.items()},
        partners={name: summary([(1, 7)] * each) for name, each in times.items()},
    )


def test_sum_has_no_cap() -> None:
    one = seen(**{f"a{index}": 1 for index in range(MAX_KEYS)})
    other = seen(**{f"b{index}": 1 for index in range(MAX_KEYS)})
    both = total(one, other)
    assert both == total(other, one)
    assert len(both.relationships) == len(both.partners) == 2 * MAX_KEYS
    both.release(one)
    assert both == other


def test_capped_keeps_what_was_seen_most_in_whatever_order_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_KEYS", 2)
    assert seen(a=1, b=5, c=1, d=3).capped(100) == seen(d=3, b=5, a=1, c=1).capped(100)
    capped = seen(a=1, b=5, c=1, d=3).capped(100)
    assert {key.partner for key in capped.relationships} == set(capped.partners) == {"b", "d"}
    assert capped.weight == 10
    # Of those that were seen as often, the first by name.
    assert set(seen(c=1, b=1, a=1).capped(100).partners) == {"a", "b"}


def test_known_keys_go_first_where_there_is_no_room_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_KEYS", 3)
    model = seen(a=1, b=1)
    assert model.fitting(seen(c=1, d=1, e=1, b=1)).partners.keys() == {"c", "b"}
    assert model.fitting(seen(a=1, c=1)) == seen(a=1, c=1)
