from __future__ import annotations

import pytest

from models.candidates import MAX_CANDIDATES, Candidate
from models.communication_model import together
from models.descriptor import Descriptor
from models.exchange.shared import Others, Shared
from models.knowledge import Knowledge
from models.relationship import Key, Relationship
from models.replica import Adopted, Decided, Learnt, Replica, Sighting, decode, encode

KEY = Key("/movement", own=False, operation="get", data_type="/derived/boolean")
NEW = Candidate("/light", "relationship", KEY)


def descriptors() -> list[Descriptor]:
    relationship = Relationship(weight=1)
    relationship.fast.observe(1000, 7)
    return [Descriptor(service_type="/light", minute=7, relationships={KEY: relationship})]


def test_a_copy_that_followed_knows_the_same() -> None:
    original, copy = Knowledge(), Replica()
    original.fold(descriptors())
    original.read()
    original.answer(NEW, allowed=True, now=5, human=False)
    copy.follow(decode(encode(Learnt(descriptors(), [NEW], 5, 0))))
    assert copy.state().contributions == original.state().contributions
    assert copy.answers == original.answers
    form, ours = original.form("/light"), copy.form("/light")
    assert form is not None
    assert ours is not None
    assert ours.norm(KEY) == form.norm(KEY)


def test_decisions_take_effect_without_a_minute_being_closed() -> None:
    copy = Replica()
    copy.follow(Learnt(descriptors(), [], 5, 0))
    copy.follow(decode(encode(Decided([NEW], 6))))
    form = copy.form("/light")
    assert form is not None
    assert form.accepts("relationship", KEY)


def test_what_others_told_is_adopted_and_forgotten_as_by_the_node() -> None:
    told = Shared(version="0", origins=2, supporters={KEY: 2}, model=together("/light", descriptors()))
    others = Others(site=told, elsewhere=told)
    original, copy = Knowledge(), Replica()
    original.adopt("/light", others)
    copy.follow(decode(encode(Adopted("/light", others))))
    assert copy.state() == original.state()
    assert copy.models == original.models
    copy.follow(decode(encode(Adopted("/light", None))))
    assert copy.models == {}
    assert copy.form("/light") is None


def test_sightings_are_taken_once_the_newest_of_each_instance() -> None:
    copy = Replica()
    for time in (1, 2, 3):
        copy.see(NEW, "here", "/agent1/light1", time)
    copy.see(NEW, "here", "/agent1/light2", 2)
    assert copy.take_sightings() == [Sighting(NEW, "/agent1/light1", 3), Sighting(NEW, "/agent1/light2", 2)]
    assert copy.take_sightings() == []


def test_what_was_decided_is_not_sighted_again() -> None:
    copy = Replica()
    copy.follow(Decided([NEW], 6))
    copy.see(NEW, "here", "/agent1/light1", 7)
    assert copy.take_sightings() == []


def test_a_flood_of_candidates_is_bounded_and_counted() -> None:
    copy = Replica()
    for number in range(MAX_CANDIDATES + 5):
        copy.see(NEW._replace(detail=str(number)), "here", "/agent1/light1", 1)
    assert copy.unseen == 5
    assert len(copy.take_sightings()) == MAX_CANDIDATES


def test_bytes_of_something_else_are_told() -> None:
    with pytest.raises(ValueError, match="no step"):
        decode(b"something else")
