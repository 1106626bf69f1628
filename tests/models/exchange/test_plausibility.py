from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given

from models import sequence, values
from models.candidates import Candidate
from models.clustering_feature import ClusteringFeature
from models.communication_model import CommunicationModel
from models.descriptor import MINUTE
from models.exchange import plausibility
from models.exchange.plausibility import (
    AHEAD,
    ANY_MINUTE,
    EARLIEST,
    MAX_ACCESSES,
    MAX_WEIGHT,
    BadContribution,
    check_model,
    check_showings,
    newest_minute,
)
from models.exchange.showings import Showing, Showings
from models.periodicity import bin_of
from models.relationship import Relationship
from tests.models.exchange.observed import NOW, READ, WRITE, models, summary

SHOWING = Showing(
    candidate=Candidate("/light", "relationship", READ),
    recent=2,
    persistent=1,
    onset=(NOW - 9) * MINUTE,
    last=NOW * MINUTE,
)


def usual() -> CommunicationModel:
    """A model with something in every field."""
    read = Relationship(
        weight=4,
        instances=2,
        fast=summary([(1000, NOW)] * 6),
        slow=summary([(2000, NOW)] * 6),
        gaps={bin_of(20_000): summary([(20_000, NOW)] * 4)},
        written={values.read("21.5").category: 3},
        falls=1,
        before={0: 5},
        newcomers=1,
    )
    read.rooms.observe("same", 2)
    return CommunicationModel(
        service_type="/light",
        weight=9,
        relationships={READ: read},
        partners={"/movementSensor": summary([(2, NOW)] * 4)},
    )


def change(**fields: object) -> Callable[[CommunicationModel], None]:
    def apply(model: CommunicationModel) -> None:
        for name, value in fields.items():
            setattr(model.relationships[READ], name, value)

    return apply


def of(**fields: object) -> Callable[[CommunicationModel], None]:
    def apply(model: CommunicationModel) -> None:
        for name, value in fields.items():
            setattr(model, name, value)

    return apply


@given(models())
def test_what_can_have_been_observed_passes(model: CommunicationModel) -> None:
    check_model(model, now_minute=NOW)


@given(models(), models())
def test_so_do_what_counts_of_it_and_sums(one: CommunicationModel, two: CommunicationModel) -> None:
    for cap in (1, 7, 20):
        total = CommunicationModel(service_type="/light")
        for model in (one, two):
            check_model(model.capped(cap), now_minute=NOW)
            total.absorb(model.capped(cap))
        check_model(total, now_minute=NOW, origins=2)
        check_model(total.capped(cap), now_minute=NOW)


@pytest.mark.parametrize(
    ("spoil", "code", "reason"),
    [
        (of(service_type="/agent1/light1"), "type", "'/agent1/light1' is not the name of a service type"),
        (of(weight=MAX_WEIGHT + 1), "feature", "more than anybody observed"),
        (of(weight=10**400), "feature", r"some 2\^1329 instance-minutes"),
        (of(weight=3), "feature", "4 of 3 instance-minutes cannot show it"),
        (of(relationships={READ._replace(partner="/10.0.0.1"): Relationship(weight=1)}), "type", "partner type"),
        (of(relationships={READ._replace(data_type="open\x1b[2J"): Relationship(weight=1)}), "type", "data type"),
        (of(partners={"/agent1/movement1": summary([(2, NOW)])}), "type", "partner type"),
        (of(partners={"/lock": summary([(2, NOW)] * 10)}), "feature", "minutes with partners: 10, of at most 9"),
        (of(partners={"/lock": summary([(0, NOW)])}), "feature", "from 1 to 256"),
        (of(partners={"/lock": summary([(257, NOW)])}), "feature", "from 1 to 256"),
        (of(partners={"/lock": ClusteringFeature(-1, 1, 1, 1, 1)}), "feature", "minutes with partners: -1"),
        (change(weight=0), "feature", "0 of 9"),
        (change(weight=10), "feature", "10 of 9"),
        (change(instances=1 << 21), "feature", "instances: 2097152, of at most"),
        (change(instances=1), "feature", "instances in a kind of room: 2, of at most 1"),
        (change(rooms={"Kitchen": 1}), "feature", "have no names"),
        (change(fast=summary([(1000, NOW)] * 5)), "feature", "read 5 and 6 times"),
        (change(fast=summary([(-1, NOW)] * 6)), "feature", "fast counter: no 6 values"),
        (change(slow=summary([(1 << 40, NOW)] * 6)), "feature", "slow counter: no 6 values"),
        (change(slow=summary([(5, EARLIEST - 1)] * 6)), "time", "before 2015"),
        (change(slow=summary([(5, NOW + AHEAD + 1)] * 6)), "time", "in the future"),
        (change(slow=summary([(5, 0)] * 6)), "time", "before 2015"),
        (change(gaps={bin_of(20_000): summary([(30_000, NOW)])}), "feature", "gaps in a bin"),
        (change(gaps={-1: summary([(0, NOW)])}), "feature", "no bin -1"),
        (change(gaps={10**300: summary([(9, NOW)])}), "feature", r"no bin some 2\^997"),
        (change(gaps={2: summary([(1, NOW)])}), "feature", "gaps in a bin"),  # no whole number lies in it
        (change(written={values.TEXTS + 128: 1}), "feature", "values of no category"),
        (change(written={-9999: 1}), "feature", "values of no category"),
        (change(written={1: 4 * MAX_ACCESSES + 1}), "feature", "values: 4194305"),
        (change(falls=4 * MAX_ACCESSES + 1), "feature", "falling values"),
        (change(written={}), "feature", "none was written"),
        (change(before={385: 1}), "feature", "of no category"),
        (change(before={-1: 1}), "feature", "of no category"),
        (change(before={0: 10**30}), "feature", "accesses before"),
        (change(newcomers=1025), "feature", "new partners: 1025, of at most 1024"),
    ],
)
def test_what_nobody_can_have_observed_is_refused(
    spoil: Callable[[CommunicationModel], None], code: str, reason: str
) -> None:
    model = copy.deepcopy(usual())
    check_model(model, now_minute=NOW)
    spoil(model)
    with pytest.raises(BadContribution, match=reason) as refusal:
        check_model(model, now_minute=NOW)
    assert refusal.value.code == code
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 300


def test_reason_names_the_relationship() -> None:
    model = usual()
    model.relationships[READ].before = {999: 1}
    with pytest.raises(BadContribution, match="get of /derived/boolean of /movementSensor: accesses after"):
        check_model(model, now_minute=NOW)


def test_categories_are_those_of_the_models() -> None:
    for text in ("0", "-1e18", "1e18", "1e30", "nan", "-inf", "", "off", "[", "x" * 99, "closed", "a", "b", "é"):
        assert plausibility._is_value(values.read(text).category), text
    assert not any(map(plausibility._is_value, (values.LONG + 1, -values.HUGE, values.TEXTS - 1, values.TEXTS + 128)))
    latest = sequence.category(1, sequence._BUCKETS - 1, sequence.SPANS[-1] - 1)
    assert latest + 1 == plausibility._AFTER
    for gap in (0, 1, 2, 3, 7, 8, 9, 1000, 20_599, 86_400_000, 1 << 40):
        shortest, longest = plausibility._gaps_in(bin_of(gap))
        assert shortest <= gap <= longest
        assert bin_of(shortest) == bin_of(longest) == bin_of(gap) != bin_of(longest + 1)


@pytest.mark.parametrize(
    ("showings", "code", "reason"),
    [
        (Showings(instances={"/agent1/light1": 3}, open=[]), "type", "service type"),
        (Showings(instances={"/light": -3}, open=[]), "feature", "instances of /light: -3"),
        (Showings(instances={"/light": 1 << 30}, open=[]), "feature", "instances of /light"),
        (Showings(instances={}, open=[SHOWING, SHOWING]), "feature", "told twice"),
    ],
)
def test_showings_that_cannot_be_are_refused(showings: Showings, code: str, reason: str) -> None:
    with pytest.raises(BadContribution, match=reason) as refusal:
        check_showings(showings, now=NOW * MINUTE)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"recent": -1}, "feature"),
        ({"persistent": 1 << 30}, "feature"),
        ({"onset": NOW * MINUTE + 1}, "time"),
        ({"onset": 0}, "time"),
        ({"last": (NOW + AHEAD + 1) * MINUTE}, "time"),
        ({"candidate": Candidate("/10.0.0.1", "relationship", READ)}, "type"),
        ({"candidate": Candidate("/light", "relationship", READ._replace(partner="/agent1/lock1"))}, "type"),
        ({"candidate": Candidate("/light", "relationship", READ, "Kitchen")}, "type"),
        ({"candidate": Candidate("/light", "location", READ, "Kitchen")}, "type"),
        ({"candidate": Candidate("/light", "value", WRITE, "9999")}, "type"),
        ({"candidate": Candidate("/light", "value", WRITE, "²")}, "type"),
        ({"candidate": Candidate("/light", "rate", READ)}, "type"),
    ],
)
def test_candidates_that_cannot_be_are_refused(fields: dict[str, Any], code: str) -> None:
    showing = msgspec.structs.replace(SHOWING, **fields)
    with pytest.raises(BadContribution) as refusal:
        check_showings(Showings(instances={}, open=[showing]), now=NOW * MINUTE)
    assert refusal.value.code == code


def test_candidates_of_every_term_pass() -> None:
    category = str(values.read("-3.5").category)
    details = {"location": "other", "value": category, "text": str(values.read("open").category)}
    for aspect in ("relationship", "location", "value", "text", "partner", "sequence", "registration"):
        candidate = Candidate("/light", aspect, WRITE, details.get(aspect, ""))
        showing = Showing(candidate=candidate, recent=0, persistent=0, onset=NOW * MINUTE, last=NOW * MINUTE)
        check_showings(Showings(instances={"/light": 0}, open=[showing]), now=NOW * MINUTE)


def test_newest_minute_is_the_one_that_is_held_against_the_clock() -> None:
    assert newest_minute(CommunicationModel(service_type="/light", weight=2)) == 0
    model = usual()
    assert newest_minute(model) == NOW
    later = NOW + 2 * AHEAD
    model.partners["/lock"] = summary([(1, later), (1, later)])
    assert newest_minute(model) == later
    check_model(model, now_minute=later - AHEAD)
    with pytest.raises(BadContribution, match="in the future"):
        check_model(model, now_minute=later - AHEAD - 1)
    check_model(model, now_minute=ANY_MINUTE)
