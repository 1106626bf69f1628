from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.categorical import Counts
from models.clustering_feature import ClusteringFeature
from models.communication_model import MAX_KEYS, CommunicationModel
from models.contributions import Contribution
from models.exchange import envelope
from models.exchange.envelope import (
    MAX_BYTES,
    MAX_STAMP,
    BadContribution,
    decode_contribution,
    decode_others,
    decode_shared,
    encode_contribution,
    encode_others,
    encode_shared,
    stamp_of,
)
from models.exchange.plausibility import AHEAD, CLOCKS_DIFFER
from models.exchange.pool import Pool
from models.exchange.schema import SCHEMA
from models.exchange.shared import Others, Shared
from models.relationship import Key, Relationship
from models.varint import Writer
from models.wire import encode_model
from tests.models.exchange.observed import NOW, READ, contributed, models, summary

CODES = {"schema", "malformed", "feature", "time", "type", "size"}


def read(data: bytes) -> Contribution:
    return decode_contribution("/light", data, now_minute=NOW)


def refusal(data: bytes) -> BadContribution:
    with pytest.raises(BadContribution) as caught:
        read(data)
    check_refusal(caught.value)
    return caught.value


def check_refusal(error: BadContribution) -> None:
    """It may go into an answer and into a log."""
    assert error.code in CODES
    assert str(error).isprintable()
    assert 0 < len(str(error)) < 400


def enveloped(model: CommunicationModel, *, epoch: int = 1, sequence: int = 1) -> bytes:
    """As somebody writes it who checks nothing."""
    out = Writer()
    out.unsigned(epoch)
    out.unsigned(sequence)
    return SCHEMA + out.buffer + encode_model(model)


def usual() -> CommunicationModel:
    points = [(1000, NOW), (1200, NOW - 1), (1500, NOW - 9)]
    relationship = Relationship(weight=2, fast=summary(points), slow=summary(points))
    return CommunicationModel(service_type="/light", weight=9, relationships={READ: relationship})


@given(models())
def test_contribution_that_is_written_is_read(model: CommunicationModel) -> None:
    contribution = contributed(model, epoch=1_767_225_600_000, sequence=77)
    assert read(encode_contribution(contribution)) == contribution


@given(models(), models())
def test_what_a_node_is_told_is_read(one: CommunicationModel, two: CommunicationModel) -> None:
    pool = Pool("/light")
    pool.put("a", contributed(one))
    pool.put("b", contributed(two))
    site, elsewhere = pool.without("a"), pool.without(None)
    assert decode_shared("/light", encode_shared(elsewhere), now_minute=NOW) == elsewhere
    for others in (Others(), Others(site=site), Others(elsewhere=elsewhere), Others(site=site, elsewhere=elsewhere)):
        assert decode_others("/light", encode_others(others), now_minute=NOW) == others


@given(models(), st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4))
def test_damaged_contributions_are_refused_or_mean_what_they_are_written_as(
    model: CommunicationModel, damages: list[tuple[float, int]]
) -> None:
    sent = bytearray(encode_contribution(contributed(model)))
    for place, byte in damages:
        sent[int(place * len(sent))] = byte
    check_meaning(bytes(sent))


@given(models(), st.floats(0, 1), st.binary(max_size=9), st.floats(0, 1))
def test_so_are_those_that_were_cut_and_pieced_together(
    model: CommunicationModel, until: float, between: bytes, since: float
) -> None:
    sent = encode_contribution(contributed(model))
    check_meaning(sent[: int(until * len(sent))] + between + sent[int(since * len(sent)) :])


@given(st.binary(max_size=120))
@example(b"")
def test_so_are_bytes_from_anybody(sent: bytes) -> None:
    check_meaning(SCHEMA + sent)
    check_meaning(sent)
    for decode in (decode_shared, decode_others):
        try:
            decode("/light", SCHEMA + sent, now_minute=NOW)
        except BadContribution as error:
            check_refusal(error)


def check_meaning(sent: bytes) -> None:
    """Nothing but a refusal, or a contribution that others read from its own bytes as well."""
    try:
        contribution = read(sent)
    except BadContribution as error:
        check_refusal(error)
        return
    assert read(encode_contribution(contribution)) == contribution
    pool = Pool("/light")
    before = pool.without(None)
    pool.put("a", contribution)
    pool.put("b", contributed(usual()))
    pool.remove("b")
    pool.remove("a")
    assert pool.without(None) == before


@given(models(), st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=3))
def test_damaged_sums_are_refused_or_can_be_sums(model: CommunicationModel, damages: list[tuple[float, int]]) -> None:
    pool = Pool("/light")
    pool.put("a", contributed(model))
    pool.put("b", contributed(usual()))
    sent = bytearray(encode_others(Others(site=pool.without("a"), elsewhere=pool.without(None))))
    for place, byte in damages:
        sent[int(place * len(sent))] = byte
    try:
        others = decode_others("/light", bytes(sent), now_minute=NOW)
    except BadContribution as error:
        check_refusal(error)
    else:
        assert decode_others("/light", encode_others(others), now_minute=NOW) == others


def of(**fields: object) -> Callable[[CommunicationModel], None]:
    def spoil(model: CommunicationModel) -> None:
        for name, value in fields.items():
            setattr(model.relationships[READ], name, value)

    return spoil


def renamed(*, partner: str = READ.partner, data_type: str = READ.data_type) -> Callable[[CommunicationModel], None]:
    def spoil(model: CommunicationModel) -> None:
        model.relationships = {READ._replace(partner=partner, data_type=data_type): Relationship(weight=1)}

    return spoil


@pytest.mark.parametrize(
    ("spoil", "code", "reason"),
    [
        (of(gaps={0: ClusteringFeature()}), "feature", "there is nothing"),
        (of(gaps={0: ClusteringFeature(0, 5, 5)}), "feature", "no points have these sums"),
        # Two values of 3 in all have squares of 5 at least, two minutes that differ by one as well.
        (of(fast=ClusteringFeature(2, 3, 4, 2 * NOW, 2 * NOW * NOW)), "feature", "no points have these sums"),
        (of(fast=ClusteringFeature(2, 4, 8, 2 * NOW + 1, 2 * NOW * (NOW + 1))), "feature", "no points have these sums"),
        (of(fast=summary([(5, NOW + 10**6)] * 3)), "time", "in the future"),
        (of(weight=10), "feature", "10 of 9 instance-minutes"),
        (of(before={0: 1 << 440}), "feature", r"accesses before: some 2\^441, of at most"),
        (of(rooms=Counts({"BedroomParents": 1}), instances=1), "feature", "have no names"),
        (renamed(partner="/agent1/movement1"), "type", "'/agent1/movement1' is not the name of a partner type"),
        (renamed(data_type="/2001:db8::1"), "type", "not the name of a data type"),
        (renamed(data_type="/a\x00b"), "type", "not the name of a data type"),
        (renamed(data_type="/a\x1b[31m"), "type", "not the name of a data type"),
        (renamed(data_type="/" + "a" * 4000), "type", "not the name of a data type"),
    ],
)
def test_what_must_not_be_merged_is_refused_as_it_is_read(
    spoil: Callable[[CommunicationModel], None], code: str, reason: str
) -> None:
    model = usual()
    assert read(enveloped(model)).model == model
    spoil(model)
    error = refusal(enveloped(model))
    assert error.code == code
    assert re.search(reason, str(error))


@pytest.mark.parametrize(
    ("sent", "code", "reason"),
    [
        (b"", "malformed", "schema none"),
        (SCHEMA[:5], "malformed", SCHEMA[:5].hex()),
        (bytes(8) + enveloped(usual())[8:], "schema", "schema 0000000000000000, this program reads"),
        (b'{"model": "light"}', "schema", "versions that count alike"),
        (enveloped(usual())[:-1], "malformed", "cut off"),
        (enveloped(usual()) + b"\0", "malformed", "1 bytes too many"),
        (enveloped(usual()) + bytes(MAX_BYTES), "size", f"of at most {MAX_BYTES}"),
        (enveloped(usual(), epoch=MAX_STAMP + 1), "malformed", "an epoch or a sequence"),
        (enveloped(usual(), sequence=1 << 70), "malformed", "an epoch or a sequence"),
        (SCHEMA + b"\x81\x00", "malformed", "longer than needed"),
        (SCHEMA + b"\xff" * 99, "malformed", "more than 64 bytes"),
        (SCHEMA + b"\1\1\x03\xff\xfe\xfd\0\0\0\0", "malformed", "utf-8"),
        (SCHEMA + b"\1\1\x06/light\5\0\xff\xff\xff\x7f", "malformed", "a table of"),
    ],
)
def test_bytes_that_are_none_are_refused(sent: bytes, code: str, reason: str) -> None:
    error = refusal(sent)
    assert error.code == code
    assert reason in str(error)


def test_stamp_is_read_without_the_model() -> None:
    sent = enveloped(CommunicationModel(service_type="/light"), epoch=MAX_STAMP, sequence=7)
    assert stamp_of(sent) == (MAX_STAMP, 7)
    assert stamp_of(sent[: len(SCHEMA) + 9] + b"no model") == (MAX_STAMP, 7)
    for bad in (b"", sent[: len(SCHEMA)], bytes(len(SCHEMA)) + sent[len(SCHEMA) :], sent + bytes(MAX_BYTES)):
        with pytest.raises(BadContribution) as caught:
            stamp_of(bad)
        assert caught.value.code == refusal(bad).code


def test_model_of_another_type_than_was_said_is_refused() -> None:
    sent = encode_contribution(contributed(CommunicationModel(service_type="/lock", weight=1)))
    error = refusal(sent)
    assert error.code == "type"
    assert str(error) == "this is a model of '/lock', not of '/light'"
    told = encode_others(Others(site=Pool("/lock").without(None)))
    with pytest.raises(BadContribution, match="not of '/light'"):
        decode_others("/light", told, now_minute=NOW)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"version": "../etc"}, "hexadecimal"),
        ({"version": "a" * 65}, "hexadecimal"),
        ({"supporters": {READ: 3}}, "the sum of 2 origins"),
        ({"supporters": {READ: 0}}, "the sum of 2 origins"),
        ({"origins": 1 << 40}, "the sum of 1099511627776 origins"),
    ],
)
def test_sum_that_cannot_be_is_refused(changes: dict[str, Any], reason: str) -> None:
    pool = Pool("/light")
    pool.put("a", contributed(usual()))
    pool.put("b", contributed(usual()))
    shared = msgspec.structs.replace(pool.without(None), **changes)
    for decode, sent in ((decode_shared, encode_shared(shared)), (decode_others, encode_others(Others(site=shared)))):
        with pytest.raises(BadContribution, match=reason):
            decode("/light", sent, now_minute=NOW)


def test_absurd_sum_is_refused_as_a_contribution_is() -> None:
    model = usual()
    model.relationships[READ].fast = summary([(5, NOW + 10**6)] * 3)
    shared = Shared(version="00", origins=1, supporters={READ: 1}, model=model)
    with pytest.raises(BadContribution, match="in the future") as refused:
        decode_shared("/light", encode_shared(shared), now_minute=NOW)
    assert refused.value.code == "time"


def test_what_a_service_made_up_stays_and_the_rest_is_sent() -> None:
    model = usual()
    model.relationships[READ._replace(data_type="/agent1/movement1")] = Relationship(weight=1)
    model.relationships[READ._replace(partner="/Smith's house")] = Relationship(weight=1)
    model.partners = {"/Smith's house": summary([(1, NOW)]), "/movementSensor": summary([(1, NOW)])}
    sent = encode_contribution(contributed(model))
    assert b"Smith" not in sent
    assert b"agent" not in sent
    assert list(read(sent).model.relationships) == [READ]
    assert list(read(sent).model.partners) == ["/movementSensor"]
    assert read(sent).model.weight == model.weight
    with pytest.raises(BadContribution, match="service type"):
        encode_contribution(contributed(CommunicationModel(service_type="/agent1/light1", weight=1)))


def many(number: int, *, size: int = 0) -> CommunicationModel:
    """A model of so many relationships, the later ones seen more; about so many bytes each."""
    keys = [Key(f"/partner{index}", own=False, operation="get", data_type="/basic/text") for index in range(number)]
    return CommunicationModel(
        service_type="/light",
        weight=number,
        relationships={
            key: Relationship(weight=1 + index, before=dict.fromkeys(range(size // 3), 1))
            for index, key in enumerate(keys)
        },
        partners={key.partner: summary([(1, NOW)]) for key in keys},
    )


def test_of_a_model_that_is_too_large_what_was_seen_most_is_sent() -> None:
    full = encode_contribution(contributed(many(MAX_KEYS)))
    assert len(read(full).model.relationships) == MAX_KEYS
    larger = many(MAX_KEYS + 9)
    kept = read(encode_contribution(contributed(larger))).model
    assert list(kept.relationships) == list(larger.relationships)[9:]
    assert kept.weight == larger.weight
    wide = encode_contribution(contributed(many(500, size=900)))
    assert MAX_BYTES // 4 < len(wide) <= MAX_BYTES
    assert list(read(wide).model.relationships)[-1].partner == "/partner499"


@pytest.mark.parametrize(("limit", "kept"), [("MAX_ENTRIES", 50), ("MAX_SHARED_BYTES", 4096)])
def test_of_a_sum_that_is_too_large_what_most_show_is_told(
    limit: str, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(envelope, limit, kept)
    monkeypatch.setattr("models.exchange.pool.MOST_RELATIONSHIPS", 1000)
    pool = Pool("/light")
    for origin in range(3):
        model = CommunicationModel(
            service_type="/light",
            weight=99,
            relationships={
                key._replace(partner=f"{key.partner}of{origin}"): each for key, each in many(99).relationships.items()
            },
        )
        model.relationships[READ] = Relationship(weight=1)
        pool.put(f"{origin}", contributed(model))
    told = pool.without(None)
    assert len(told.model.relationships) == 3 * 99 + 1
    sent = encode_others(Others(site=told, elsewhere=told))
    others = decode_others("/light", sent, now_minute=NOW)
    assert others.site == others.elsewhere
    assert others.site is not None
    assert others.site.supporters[READ] == 3
    assert others.site.model.weight == told.model.weight
    assert 25 < len(others.site.model.relationships) <= 150
    assert all(key.partner.startswith("/partner") for key in others.site.model.relationships if key != READ)
    assert others.site.model.relationships == {
        key: told.model.relationships[key] for key in others.site.model.relationships
    }


def test_what_one_level_takes_is_not_refused_by_the_next_for_its_clock() -> None:
    """Whose clock may be an hour behind."""
    ahead = summary([(1000, NOW + AHEAD)] * 3)
    model = CommunicationModel(
        service_type="/light", weight=3, relationships={READ: Relationship(weight=1, fast=ahead, slow=ahead)}
    )
    sent = encode_contribution(contributed(model))
    assert decode_contribution("/light", sent, now_minute=NOW).model == model
    pool = Pool("/light")
    pool.put("a", decode_contribution("/light", sent, now_minute=NOW))
    told = encode_others(Others(elsewhere=pool.without(None)))
    found = decode_others("/light", told, now_minute=NOW - CLOCKS_DIFFER).elsewhere
    assert found is not None
    assert found.model == model
    with pytest.raises(BadContribution, match="in the future"):
        decode_contribution("/light", sent, now_minute=NOW - 1)
    with pytest.raises(BadContribution, match="in the future"):
        decode_others("/light", told, now_minute=NOW - CLOCKS_DIFFER - 1)


def test_work_is_bounded_by_the_bytes() -> None:
    small, large = (encode_contribution(contributed(many(number))) for number in (100, MAX_KEYS))

    costs = [calls(read, sent) / len(sent) for sent in (small, large)]
    assert costs[1] < 1.2 * costs[0]  # squares would have 10


def calls(work: Callable[[bytes], Any], sent: bytes) -> int:
    """How much is done, counted in calls of functions: the same on every machine, however busy it is."""
    found = 0

    def note(_frame: object, event: str, _argument: object) -> None:
        nonlocal found
        found += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work(sent)
    finally:
        sys.setprofile(before)
    return found
