"""The sums in memory: a function of what is stored, and of nothing else."""

from __future__ import annotations

import itertools
import random

import msgspec
import pytest
from msgspec.structs import replace

from models.exchange.envelope import encode_contribution, encode_others
from models.exchange.pool import Pool
from models.exchange.shared import Others
from models.exchange.showings import Showings
from models.relationship import Key
from proxy.clocks import MonotonicEventClock
from proxy.federation.configuration import ServiceLimits
from proxy.federation.service.pools import Pools
from proxy.federation.service.waiting import Changes
from proxy.federation.storage.base import LAST, Row
from proxy.federation.topics import SHOWINGS, model_topic
from tests.proxy.federation.service.learnt import LIGHT, learnt, showing
from tests.proxy.federation.service.running import now_ms
from tests.proxy.federation.service.stored import row_of

TYPES = (LIGHT, "/movementSensor")
ORIGINS = ("a", "b", "c")
HOUR = 3_600_000
DAY = 24 * HOUR


def pools(role: str = "global", *, behind: int = 0, **limits: int) -> Pools:
    assert role in {"site", "global"}
    made = ServiceLimits.model_validate(limits)
    return Pools("site" if role == "site" else "global", made, Changes(), MonotonicEventClock(now_ms() - behind))


def taken_out(row: Row) -> Row:
    return Row(row.origin, row.topic, row.epoch, LAST, None)


def test_any_order_with_repetitions_gives_the_same_sums() -> None:
    rows = [
        row_of(origin, learnt(service_type, weight=3 + number + 2 * sequence, sequence=sequence))
        for (number, origin), service_type, sequence in itertools.product(enumerate(ORIGINS), TYPES, (1, 2, 3))
    ]
    wanted = pools()
    for row in rows:
        wanted.apply(row)
    rng = random.Random(5)
    for _ in range(20):
        found, mixed = pools(), rows + rng.choices(rows, k=10)
        rng.shuffle(mixed)
        for row in mixed:
            found.apply(row)
        for origin, service_type in itertools.product((*ORIGINS, "reader"), TYPES):
            assert found.version(service_type, origin) == wanted.version(service_type, origin)
            assert found.encoded(service_type, origin) == wanted.encoded(service_type, origin)
            assert found.entries(origin) == wanted.entries(origin)
        assert found.list_version("a") == wanted.list_version("a") != wanted.list_version("b")


def test_who_is_taken_out_leaves_nothing() -> None:
    never, once = pools(), pools()
    for each in (never, once):
        each.apply(row_of("a", learnt()))
    row = row_of("b", learnt(weight=9))
    for applied in (row, taken_out(row), taken_out(row)):
        once.apply(applied)
    assert once.encoded(LIGHT, "reader") == never.encoded(LIGHT, "reader")
    assert once.version(LIGHT, "b") == never.version(LIGHT, "b")


def test_a_state_of_nothing_is_nothing() -> None:
    """As a site tells whose nodes were taken out."""
    found = pools()
    found.apply(row_of("a", learnt()))
    found.apply(row_of("a", learnt(weight=0, sequence=2)))
    assert found.others(LIGHT, "reader") == Others()
    found.apply(row_of("a", learnt(sequence=3)))
    assert found.others(LIGHT, "reader").elsewhere is not None


def test_what_was_read_when_it_came_in_counts_as_what_is_read_from_the_store() -> None:
    read, expected = pools(), pools()
    contribution = learnt(weight=9)
    row = row_of("a", contribution)
    assert row.body is not None
    expected.expect("a", contribution, row.body)
    for each in (read, expected):
        each.apply(row)
    assert read.encoded(LIGHT, "b") == expected.encoded(LIGHT, "b")


def test_another_body_under_the_same_stamp_is_not_taken_for_what_is_stored() -> None:
    read, expected = pools(), pools()
    stored, other = learnt(weight=5), learnt(weight=500)
    expected.expect("a", other, encode_contribution(other))
    for each in (read, expected):
        each.apply(row_of("a", stored))
    assert expected.encoded(LIGHT, "b") == read.encoded(LIGHT, "b")


def test_what_is_expected_is_bounded_by_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was given up is read from the store instead; what came late is not kept at all."""
    monkeypatch.setattr("proxy.federation.service.pools._EXPECTED", 1000)
    found = pools()
    for number in range(30):
        contribution = learnt(sequence=number + 1, weight=number + 1)
        found.expect("a", contribution, encode_contribution(contribution))
    assert 0 < found.expected_bytes <= 1000
    found.apply(row_of("a", learnt(sequence=30, weight=30)))
    kept = found.expected_bytes
    found.expect("a", learnt(sequence=30, weight=30), encode_contribution(learnt(sequence=30, weight=30)))
    assert found.expected_bytes == kept
    assert found.others(LIGHT, "b").elsewhere is not None


def test_what_cannot_be_read_counts_for_nothing_nor_does_what_it_replaced() -> None:
    found = pools()
    found.apply(row_of("a", learnt()))
    found.apply(msgspec.structs.replace(row_of("a", learnt(sequence=2)), body=b"of another version"))
    found.apply(Row("b", SHOWINGS, 1, 1, b"nonsense"))
    found.apply(Row("b", "what may come", 1, 1, b"nonsense"))
    assert found.others(LIGHT, "reader") == Others()
    assert found.unreadable == 2
    found.apply(row_of("a", learnt(sequence=3)))
    assert found.others(LIGHT, "reader").elsewhere is not None


def test_what_was_stored_counts_whatever_the_clock_says() -> None:
    """As of a machine that started before its clock was set."""
    right, hour, late = (pools(behind=behind) for behind in (0, HOUR, 2 * DAY))
    for each in (right, late, hour):
        each.apply(row_of("a", learnt()))
    assert late.encoded(LIGHT, "b") == right.encoded(LIGHT, "b") == hour.encoded(LIGHT, "b")
    assert right.late == hour.late == 0
    assert 24 * 60 < late.late <= 48 * 60
    assert late.unreadable == 0


def test_what_cannot_be_read_is_not_taken_back_above() -> None:
    found = pools("site")
    for origin in ("a", "b"):
        found.apply(row_of(origin, learnt()))
    assert [pool.origins for pool in found.totals()] == [2]
    found.apply(msgspec.structs.replace(row_of("a", learnt(sequence=2)), body=b"of another version"))
    assert list(found.totals()) == [], "the sum of b alone would take the place of both"
    found.apply(row_of("a", learnt(sequence=3)))
    assert [pool.origins for pool in found.totals()] == [2]
    found.apply(msgspec.structs.replace(row_of("a", learnt(sequence=4)), body=b"of another version"))
    found.apply(taken_out(row_of("a", learnt())))
    assert [pool.origins for pool in found.totals()] == [1]


def test_a_node_is_told_of_its_site_and_of_the_others() -> None:
    found = pools("site")
    found.apply(row_of("node-1", learnt()))
    before = found.version(LIGHT, "node-1"), found.list_version("node-1")
    other = Pool(LIGHT)
    other.put("site-b", learnt(weight=30))
    found.adopt(LIGHT, other.without(None))
    assert found.others(LIGHT, "node-1") == Others(site=None, elsewhere=other.without(None))
    assert found.others(LIGHT, "node-2").site is not None
    assert (found.version(LIGHT, "node-1"), found.list_version("node-1")) != before
    assert found.encoded(LIGHT, "node-1") == encode_others(found.others(LIGHT, "node-1"))
    assert [(entry.origins, entry.weight) for entry in found.entries("node-1")] == [(1, 35)]
    found.adopt(LIGHT, None)
    assert (found.version(LIGHT, "node-1"), found.list_version("node-1")) == before


def test_a_type_that_only_others_know_is_told() -> None:
    found, other = pools("site"), Pool("/elsewhere")
    other.put("site-b", learnt("/elsewhere"))
    found.adopt("/elsewhere", other.without(None))
    assert found.knows("/elsewhere")
    assert [entry.service_type for entry in found.entries("node-1")] == ["/elsewhere"]


def test_there_is_room_for_so_many_types() -> None:
    found = pools(service_types=2, service_types_per_origin=1)
    assert found.room_for("a", "/one", 300)
    found.apply(row_of("a", learnt("/one")))
    assert found.room_for("a", "/one", 300)
    assert not found.room_for("a", "/two", 300)
    found.apply(row_of("b", learnt("/two")))
    assert not found.room_for("c", "/three", 300)
    found.apply(taken_out(row_of("b", learnt("/two"))))
    assert found.room_for("c", "/three", 300), "a type that nobody contributes to gives way"


def test_whoever_makes_up_types_leaves_room_for_others() -> None:
    found = pools(service_types=300)

    def make_up(origin: str) -> int:
        number = 0
        while found.room_for(origin, name := f"/of{origin}type{number}", 300):
            found.apply(row_of(origin, learnt(name)))
            number += 1
        return number

    hostile = [f"hostile{number}" for number in range(9)]
    assert sum(map(make_up, hostile)) <= 9 * 18
    assert make_up("honest") == 16
    assert found.room_for("honest", "/ofhostile0type1", 300), "that is there already"
    for number in range(10):
        make_up(f"another{number}")
    assert not found.room_for("late", "/late", 300)
    found.apply(taken_out(row_of("hostile0", learnt("/ofhostile0type0"))))
    assert found.room_for("late", "/late", 300)


def test_an_origin_has_room_for_so_many_bytes() -> None:
    found = pools(bytes_per_origin=65_536, service_types_per_origin=16)
    large = learnt("/large")
    one = next(iter(large.model.relationships.values()))
    large.model.relationships.update(
        dict.fromkeys((Key(f"/p{number}", own=False, operation="get", data_type="") for number in range(1000)), one)
    )
    size = len(encode_contribution(large))
    assert 20_000 < size < 40_000
    for name in ("/large", "/next", "/third"):
        assert found.room_for("a", name, size) == (name != "/third")
        if name != "/third":
            found.apply(row_of("a", replace(large, model=replace(large.model, service_type=name))))
    assert found.room_for("a", "/next", size), "its newer state takes the place of the older one"
    assert found.room_for("a", "/third", 4096), "as many bytes as each of all types may have are always taken"
    assert found.room_for("b", "/third", size)


def test_candidates_come_and_go() -> None:
    found = pools()
    body = msgspec.msgpack.encode(Showings(instances={LIGHT: 3}, open=[showing()]))
    for origin in ("a", "b"):
        found.apply(Row(origin, SHOWINGS, 1, 1, body))
    assert found.ballot.origins == 2
    for _ in range(2):
        found.apply(Row("b", SHOWINGS, 1, LAST, None))
    assert found.ballot.origins == 1
    assert model_topic(LIGHT) != SHOWINGS


def test_version_of_the_list_depends_on_what_is_listed_and_on_nothing_else() -> None:
    """Whatever came and went; and it is another whenever a version in the list is."""
    rng = random.Random(8)
    for role in ("global", "site"):
        found, other = pools(role), Pool(LIGHT)
        other.put("site-b", learnt(weight=30))
        lists: dict[str, tuple[tuple[str, str], ...]] = {}
        for sequence in range(1, 60):
            contribution = learnt(rng.choice(TYPES), weight=rng.randrange(3), sequence=sequence)
            row = row_of(rng.choice(ORIGINS), contribution)
            found.apply(row if rng.random() < 0.8 else msgspec.structs.replace(row, body=None))
            if role == "site":
                found.adopt(LIGHT, rng.choice([None, other.without(None)]))
            for reader in (*ORIGINS, "reader"):
                listed = tuple((each.service_type, each.version) for each in found.entries(reader))
                assert lists.setdefault(found.list_version(reader), listed) == listed
        assert len(set(lists.values())) == len(lists) > 20
