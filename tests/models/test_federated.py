"""What was learnt here and what others told are scored together, and stay apart."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.communication_model import CommunicationModel
from models.descriptor import Descriptor
from models.exchange.shared import Others, Shared
from models.federated import Federated
from models.knowledge import Knowledge
from models.relationship import Key, Relationship

READ = Key("/movement", own=False, operation="get", data_type="/derived/boolean")
WRITE = Key("/lock", own=False, operation="set", data_type="/basic/text")


def model(*keys: Key, minutes: int = 3, service_type: str = "/light") -> CommunicationModel:
    found = CommunicationModel(service_type=service_type)
    for minute in range(minutes):
        found.fold(descriptor(*keys, minute=minute, service_type=service_type))
    return found


def descriptor(*keys: Key, minute: int = 7, service_type: str = "/light") -> Descriptor:
    relationships = {}
    for key in keys:
        relationship = relationships[key] = Relationship(weight=1)
        relationship.fast.observe(1000 + minute, minute)
    return Descriptor(service_type=service_type, minute=minute, relationships=relationships, partners={"/lock": 2})


def shared(*keys: Key, minutes: int = 3, origins: int = 1, version: str = "0123456789abcdef") -> Shared:
    supporters = dict.fromkeys(keys, origins)
    return Shared(version=version, origins=origins, supporters=supporters, model=model(*keys, minutes=minutes))


def test_scored_is_the_sum_of_here_and_of_both_that_were_told() -> None:
    light = Federated("/light")
    light.fold("here", [descriptor(READ)])
    light.adopt(Others(site=shared(READ), elsewhere=shared(WRITE, minutes=5)))
    assert light.model.weight == 9
    assert {key: each.weight for key, each in light.model.relationships.items()} == {READ: 4, WRITE: 5}
    light.fold("here", [descriptor(WRITE)])
    assert light.model.relationships[WRITE].weight == 6
    assert light.own.total.weight == 2


parts = st.builds(
    shared, st.sampled_from([READ, WRITE]), minutes=st.integers(min_value=1, max_value=5), origins=st.integers(0, 3)
)
tellings = st.none() | st.builds(Others, site=st.none() | parts, elsewhere=st.none() | parts)


@given(before=tellings, after=tellings, learnt=st.integers(min_value=0, max_value=3))
def test_what_is_told_replaces_what_was_told_and_nothing_else(before: Others, after: Others, learnt: int) -> None:
    twice, once, alone = Federated("/light"), Federated("/light"), Federated("/light")
    twice.adopt(before)
    for each in (twice, once, alone):
        each.fold("here", [descriptor(READ, minute=minute) for minute in range(learnt)])
    twice.adopt(after)
    once.adopt(after)
    assert twice.model == once.model
    assert (twice.sites, twice.supporters, twice.version("node")) == (
        once.sites,
        once.supporters,
        once.version("node"),
    )
    assert dict(twice.own) == dict(alone.own)
    twice.adopt(None)
    assert twice.model == alone.model
    assert (twice.sites, dict(twice.supporters)) == (alone.sites, dict(alone.supporters))


def test_what_was_told_is_never_changed() -> None:
    told = Others(elsewhere=shared(READ, minutes=5))
    light = Federated("/light")
    light.adopt(told)
    light.fold("here", [descriptor(READ), descriptor(WRITE)])
    assert told == Others(elsewhere=shared(READ, minutes=5))


def test_all_nodes_of_the_own_site_are_one_voice() -> None:
    light = Federated("/light")
    light.adopt(Others(elsewhere=shared(WRITE, origins=2)))
    assert (light.sites, dict(light.supporters)) == (2, {WRITE: 2})
    light.adopt(Others(site=shared(READ, origins=5), elsewhere=shared(WRITE, origins=2)))
    assert (light.sites, dict(light.supporters)) == (3, {READ: 1, WRITE: 2})
    light.fold("here", [descriptor(READ, WRITE)])
    assert (light.sites, dict(light.supporters)) == (3, {READ: 1, WRITE: 3})
    assert light.elsewhere == 2


def test_a_sum_to_which_nobody_contributed_tells_nothing() -> None:
    light = Federated("/light")
    light.adopt(Others(site=shared(origins=0), elsewhere=shared(minutes=0, origins=0)))
    assert light.others is None


def test_the_version_names_what_was_learnt_here_and_both_sums() -> None:
    light = Federated("/light")
    light.fold("here", [descriptor(READ)] * 17)
    assert light.version("node") == "node:17"
    light.adopt(Others(elsewhere=shared(READ)))
    assert light.version("node") == "node:17+elsewhere:0123456789ab"
    light.adopt(Others(site=shared(READ, version="f" * 32), elsewhere=shared(READ)))
    assert light.version("node") == "node:17+site:ffffffffffff+elsewhere:0123456789ab"


def test_what_is_of_another_type_changes_nothing() -> None:
    light = Federated("/light")
    light.adopt(Others(elsewhere=shared(READ)))
    other = msgspec.structs.replace(shared(WRITE), model=model(WRITE, service_type="/phone"))
    with pytest.raises(ValueError, match="/phone"):
        light.adopt(Others(site=shared(WRITE), elsewhere=other))
    assert light.model == model(READ)


def weight_of(known: Knowledge, key: Key) -> int:
    form = known.form("/light")
    assert form is not None
    return form.norm(key).weight


def claimed_for_days() -> Others:
    """Three other sites, one of which claims to have seen a way of its own for two days."""
    told = model(READ, WRITE, minutes=2 * 24 * 60)
    return Others(elsewhere=Shared(version="0123456789abcdef", origins=3, supporters={READ: 3, WRITE: 1}, model=told))


def test_that_another_site_alone_claims_to_have_seen_it_for_long_weighs_nothing() -> None:
    known = Knowledge()
    known.adopt("/light", claimed_for_days())
    assert weight_of(known, READ) == 2 * 24 * 60
    assert weight_of(known, WRITE) == 0


def test_what_the_own_site_has_seen_for_long_counts_whoever_of_its_nodes_saw_it() -> None:
    here, beside = Knowledge(), Knowledge()
    here.fold(descriptor(WRITE, minute=minute) for minute in range(2 * 24 * 60))
    here.adopt("/light", Others(elsewhere=shared(READ, origins=3)))
    beside.adopt("/light", Others(site=shared(WRITE, minutes=2 * 24 * 60), elsewhere=shared(READ, origins=3)))
    assert weight_of(here, WRITE) == weight_of(beside, WRITE) == 2 * 24 * 60
