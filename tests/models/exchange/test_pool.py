from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.communication_model import MAX_KEYS, CommunicationModel
from models.contributions import CAP, Contribution
from models.exchange import pool as module
from models.exchange import ranking
from models.exchange.envelope import decode_contribution, encode_contribution, model_of
from models.exchange.pool import PACE, VOICES, Pool, counted
from models.exchange.shared import MOST_RELATIONSHIPS, Shared
from models.relationship import Key, Relationship
from tests.models.exchange.observed import NOW, READ, contributed, models, summary

ORIGINS = ("a", "b", "c", "d")
STATES = st.lists(
    st.builds(Contribution, epoch=st.integers(1, 2), sequence=st.integers(1, 3), model=models()),
    max_size=4,
    unique_by=lambda each: (each.epoch, each.sequence),
)
SITES = st.dictionaries(st.sampled_from(ORIGINS), STATES, max_size=4)
SMALL = 30
"""A cap that some of these models reach."""
LITTLE = 40
"""Entries that most of their sums have."""


def plain(models: list[CommunicationModel], cap: int) -> CommunicationModel:
    total = CommunicationModel(service_type="/light")
    for model in models:
        total.absorb(counted(model, cap))
    return total


def shown(models: list[CommunicationModel]) -> dict[Key, int]:
    keys = {key for model in models for key in model.relationships}
    return {key: sum(key in model.relationships for model in models) for key in keys}


def newest(sites: dict[str, list[Contribution]]) -> dict[str, Contribution]:
    return {
        origin: max(states, key=lambda each: (each.epoch, each.sequence)) for origin, states in sites.items() if states
    }


def everything(pool: Pool) -> list[Shared]:
    return [pool.without(origin) for origin in (*ORIGINS, None)]


@given(SITES, st.randoms(use_true_random=False), st.data())
def test_what_is_known_depends_on_who_contributed_what_and_on_nothing_else(
    sites: dict[str, list[Contribution]], chance: random.Random, data: st.DataObject
) -> None:
    last = newest(sites)
    sent = [(origin, each) for origin, states in sites.items() for each in states]
    sent += data.draw(st.lists(st.sampled_from(sent), max_size=4)) if sent else []
    chance.shuffle(sent)
    gone = data.draw(st.sets(st.sampled_from(ORIGINS)))
    pool = Pool("/light", cap=SMALL)
    for place, (origin, each) in enumerate(sent):
        pool.put(origin, each)
        if place == len(sent) // 2:
            for name in gone:
                if pool.stamp(name) is not None:
                    pool.remove(name)
    for origin, each in last.items():  # who was removed comes back with its newest state
        pool.put(origin, each)

    expected = [each.model for each in last.values()]
    assert pool.total == plain(expected, SMALL)
    assert pool.supporters == shown(expected)
    assert pool.origins == len(last)
    direct = Pool("/light", cap=SMALL)
    for origin in sorted(last, reverse=True):
        assert direct.put(origin, last[origin])
    assert everything(pool) == everything(direct)
    assert {origin: pool.stamp(origin) for origin in ORIGINS} == {
        origin: (last[origin].epoch, last[origin].sequence) if origin in last else None for origin in ORIGINS
    }


@given(SITES)
def test_nobody_gets_the_own_contribution_back(sites: dict[str, list[Contribution]]) -> None:
    last = newest(sites)
    pool = Pool("/light", cap=SMALL)
    for origin, each in last.items():
        pool.put(origin, each)
    for child in (*ORIGINS, "nobody", None):
        others = {origin: each for origin, each in last.items() if origin != child}
        alone = Pool("/light", cap=SMALL)
        for origin, each in others.items():
            alone.put(origin, each)
        told = pool.without(child)
        assert told.model == plain([each.model for each in others.values()], SMALL)
        assert told.supporters == shown([each.model for each in others.values()])
        assert told.origins == len(others)
        assert told.version == pool.version(child) == alone.version()


@given(SITES)
def test_taking_all_out_leaves_nothing(sites: dict[str, list[Contribution]]) -> None:
    pool = Pool("/light")
    for origin, each in newest(sites).items():
        pool.put(origin, each)
    for origin in newest(sites):
        pool.remove(origin)
    assert everything(pool) == everything(Pool("/light"))
    assert pool.total == CommunicationModel(service_type="/light")
    with pytest.raises(KeyError):
        pool.remove("a")


@pytest.mark.usefixtures("little_room")
@given(SITES, st.randoms(use_true_random=False))
def test_of_a_large_sum_that_is_told_which_most_show_whatever_came_before(
    sites: dict[str, list[Contribution]], chance: random.Random
) -> None:
    last = newest(sites)
    pool = Pool("/light", cap=SMALL)
    for origin, each in chance.sample(list(last.items()), k=len(last)):
        pool.without(chance.choice(ORIGINS))
        pool.put(origin, each)
    for child in (*ORIGINS, None):
        others = [each.model for origin, each in last.items() if origin != child]
        supporters, whole = shown(others), plain(others, SMALL)
        first = sorted(supporters, key=lambda key: (supporters[key], whole.relationships[key].weight, key))[-2:]
        told = pool.without(child)
        assert told.model.weight == whole.weight
        assert told.model.relationships.items() <= {key: whole.relationships[key] for key in first}.items()
        assert told.model.relationships or not whole.relationships or min(sizes(whole)) > LITTLE
        assert sum(sizes(told.model)) <= LITTLE
        assert told.supporters == {key: supporters[key] for key in told.model.relationships}
        alone = Pool("/light", cap=SMALL)
        for origin in sorted(last):
            if origin != child:
                alone.put(origin, last[origin])
        assert told == alone.without("nobody"), "what one's own part is makes no difference"


def sizes(model: CommunicationModel) -> list[int]:
    return [each.entries for each in model.relationships.values()]


@pytest.fixture
def little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_RELATIONSHIPS", 2)
    monkeypatch.setattr(module, "MOST_ENTRIES", LITTLE)
    monkeypatch.setattr(ranking, "_LEAST", 1)
    monkeypatch.setattr(ranking, "_MOST", 8)


def hostile(number: int) -> CommunicationModel:
    """As many keys as there may be, that nobody else has."""
    keys = [Key(f"/made{number}up{each}", own=False, operation="get", data_type="") for each in range(MAX_KEYS)]
    return CommunicationModel(
        service_type="/light",
        weight=CAP,
        relationships={key: Relationship(weight=CAP) for key in keys},
        partners={key.partner: summary([(1, NOW)] * 9) for key in keys},
    )


def test_what_hostile_origins_make_up_neither_grows_what_is_told_nor_hides_what_others_show() -> None:
    honest = CommunicationModel(
        service_type="/light",
        weight=3,
        relationships={READ: Relationship(weight=1)},
        partners={READ.partner: summary([(1, NOW)])},
    )
    pool = Pool("/light")
    for origin in ("a", "b", "c"):
        pool.put(origin, contributed(honest))
    before = everything(pool)
    for number in range(5):
        pool.put(f"hostile{number}", contributed(hostile(number)))
        told = pool.without("a")
        assert told.supporters[READ] == 2
        assert told.model.relationships[READ] == Relationship(weight=2)
        assert told.model.partners[READ.partner] == summary([(1, NOW)] * 2)
        assert len(told.model.relationships) == MOST_RELATIONSHIPS
        assert len(told.model.partners) <= MOST_RELATIONSHIPS
    for number in range(5):
        pool.remove(f"hostile{number}")
    assert everything(pool) == before


@given(SITES)
def test_bytes_in_which_a_state_came_make_no_difference(sites: dict[str, list[Contribution]]) -> None:
    plain_pool, pool = Pool("/light", cap=SMALL), Pool("/light", cap=SMALL)
    for origin, states in sites.items():
        for each in states:
            plain_pool.put(origin, each)
            sent = encode_contribution(each)
            contribution = decode_contribution("/light", sent, now_minute=NOW)
            pool.put(origin, contribution, data=model_of(sent))
        assert pool.total == plain_pool.total
        assert everything(pool) == everything(plain_pool)
    for origin in [each for each in ORIGINS if pool.stamp(each) is not None]:
        pool.remove(origin)
    assert pool.total == CommunicationModel(service_type="/light")


def test_what_arrives_again_or_late_is_no_news() -> None:
    model = CommunicationModel(service_type="/light", weight=3)
    pool = Pool("/light")
    assert pool.put("a", contributed(model, epoch=2, sequence=2))
    version = pool.version()
    assert not pool.put("a", contributed(model, epoch=2, sequence=2))
    assert not pool.put("a", contributed(model, epoch=2, sequence=1))
    assert not pool.put("a", contributed(model, epoch=1, sequence=9))
    assert pool.version() == version
    assert pool.put("a", contributed(model, epoch=3, sequence=0))
    assert pool.version() != version


def test_what_it_came_in_is_remembered_with_it() -> None:
    model = CommunicationModel(service_type="/light", weight=3)
    pool = Pool("/light")
    assert pool.digest("a") is None
    pool.put("a", contributed(model, sequence=2), b"second")
    pool.put("a", contributed(model, sequence=1), b"first")
    assert pool.digest("a") == b"second"
    pool.remove("a")
    assert pool.digest("a") is None


def test_version_is_of_who_and_when() -> None:
    model = CommunicationModel(service_type="/light", weight=3)
    versions = set()
    for origin, epoch, sequence in [
        ("a", 1, 1),
        ("b", 1, 1),
        ("a", 1, 2),
        ("a", 2, 1),
        ("a", 11, 1),
        ("a", 1, 11),
        ("a\x001", 1, 1),
    ]:
        pool = Pool("/light")
        pool.put(origin, contributed(model, epoch=epoch, sequence=sequence))
        versions.add(pool.version())
    assert len(versions) == 7
    assert {len(version) for version in versions} == {32}
    assert Pool("/light").version() not in versions


def test_no_origin_outweighs_all_others() -> None:
    honest = Relationship(weight=50, instances=4, fast=summary([(1000, NOW)] * 9), slow=summary([(1000, NOW)] * 9))
    honest.rooms.observe("same", 4)
    loud = Relationship(
        weight=10**9,
        instances=10**6,
        fast=summary([(9000, NOW)] * 9).scaled(1, 1),
        before={0: 10**15, 7: 1},
        written={1: 10**15},
        falls=10**14,
    )
    loud.rooms.observe("other", 10**6)
    loud.fast.n, loud.fast.ls, loud.fast.ss, loud.fast.t, loud.fast.tt = (each * 10**14 for each in loud.fast.sums)
    pool = Pool("/light", cap=100)
    pool.put("a", contributed(CommunicationModel(service_type="/light", weight=50, relationships={READ: honest})))
    pool.put("b", contributed(CommunicationModel(service_type="/light", weight=10**9, relationships={READ: loud})))
    counts = pool.total.relationships[READ]
    assert pool.total.weight == counts.weight == 150
    assert counts.instances == 4 + VOICES
    assert counts.rooms == {"same": 4, "other": VOICES}
    assert counts.fast.n <= 9 + 100 * PACE
    assert sum(counts.before.values()) <= 100 * PACE + 2
    assert 0 < counts.falls < sum(counts.written.values()) <= 100 * PACE
    assert counts.fast.ls - 9000 == (counts.fast.n - 9) * 9000  # its rate is as it was, but weighs less
    pool.remove("b")
    assert pool.total.relationships[READ] == honest


@given(models())
def test_what_is_usual_counts_as_it_is(model: CommunicationModel) -> None:
    assert counted(model, CAP) == model


def test_another_type_and_too_many_origins_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ORIGINS", 2)
    model = CommunicationModel(service_type="/light", weight=3)
    pool = Pool("/light")
    pool.put("a", contributed(model))
    with pytest.raises(ValueError, match="cannot take in reports of /lock"):
        pool.put("a", contributed(CommunicationModel(service_type="/lock", weight=3), sequence=2))
    pool.put("b", contributed(model))
    before = everything(pool)
    with pytest.raises(ValueError, match="2 origins already"):
        pool.put("c", contributed(model))
    assert everything(pool) == before
    assert pool.put("b", contributed(model, sequence=2))


def test_what_is_put_is_neither_changed_nor_kept() -> None:
    model = CommunicationModel(service_type="/light", weight=3, relationships={READ: Relationship(weight=1)})
    pool = Pool("/light")
    pool.put("a", contributed(model))
    pool.put("b", contributed(model))
    assert model.weight == 3
    model.relationships[READ].weight = 7
    pool.without("a").model.relationships[READ].weight = 7
    assert pool.total.relationships[READ].weight == 2
    pool.remove("a")
    assert pool.total.relationships[READ].weight == 1
