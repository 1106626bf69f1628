from __future__ import annotations

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.access import Operation
from models.communication_model import MAX_KEYS, CommunicationModel
from models.descriptor import Descriptor
from models.relationship import Key, Relationship
from models.varint import Reader, Writer
from models.wire import (
    MAX_ENTRIES,
    Names,
    decode_descriptor,
    decode_happened,
    decode_model,
    encode_descriptor,
    encode_model,
    happened,
)
from tests.models.test_communication_model import KEYS, VISIBLE, models
from tests.models.test_relationship import summary

TYPES = st.sampled_from(["/light", "/lock"])
DESCRIPTORS = st.builds(
    Descriptor,
    service_type=TYPES,
    minute=st.integers(0, 10**8),
    minutes=st.integers(1, 10**6),
    relationships=st.dictionaries(KEYS, VISIBLE, max_size=3),
    partners=st.dictionaries(st.sampled_from(["/a", "/b"]), st.integers(1, 300)),
)


@given(models())
def test_model_that_is_written_is_read(model: CommunicationModel) -> None:
    assert decode_model(encode_model(model)) == model


@given(models())
def test_model_is_read_without_its_weight(model: CommunicationModel) -> None:
    found = decode_happened(model.service_type, happened(encode_model(model)))
    assert found == msgspec.structs.replace(model, weight=0)


@given(models(), st.integers(0, 10**9))
def test_where_only_the_weight_grew_the_same_happened(model: CommunicationModel, weight: int) -> None:
    later = msgspec.structs.replace(model, weight=weight)
    assert happened(encode_model(model)) == happened(encode_model(later))


def test_names_that_are_no_ascii_are_read_as_well() -> None:
    key = Key("/caf\u00e9", own=False, operation="get", data_type="\u20ac")
    model = CommunicationModel(service_type="/l\u00e4mp", weight=9, relationships={key: Relationship(weight=1)})
    assert decode_model(encode_model(model)) == model


@given(st.lists(DESCRIPTORS, max_size=4))
def test_descriptors_that_are_written_are_read_in_their_order(descriptors: list[Descriptor]) -> None:
    there, here = Names(), Names()
    sent = [encode_descriptor(each, there) for each in descriptors]
    assert [decode_descriptor(each, here) for each in sent] == descriptors


def test_the_numbers_of_operations_never_change() -> None:
    numbers = {}
    for operation in Operation:
        key = Key("/a", own=False, operation=operation.value, data_type="")
        out = Writer()
        Names().write_key(out, key)
        assert Names().read_key(Reader(bytes(out.buffer))) == key
        numbers[operation.value] = out.buffer[1] >> 1
    assert list(numbers) == [
        *("get", "set", "subscribe", "unsubscribe", "notify", "lock", "commit", "rollback", "register", "connect"),
        *("register-virtual", "unregister-virtual", "unregister", "get-stream", "set-stream", "invoke"),
        *("create", "delete"),
    ]
    assert list(numbers.values()) == list(range(len(numbers)))


def test_names_cost_their_length_once() -> None:
    descriptor = Descriptor(
        service_type="/lightControler",
        minute=29_000_000,
        relationships={
            Key("/movementSensor", own=False, operation="get", data_type="/derived/boolean"): Relationship(
                weight=1, fast=summary([(1200, 29_000_000)] * 3), slow=summary([(2300, 29_000_000)] * 3)
            )
        },
    )
    names = Names()
    first, second = encode_descriptor(descriptor, names), encode_descriptor(descriptor, names)
    assert len(first) - len(second) > len("/lightControler/movementSensor/derived/boolean")
    assert len(second) < 32


def test_sum_of_several_origins_is_read_if_it_is_expected() -> None:
    relationships = {Key(f"/{index}", False, "get", ""): Relationship(weight=1) for index in range(MAX_ENTRIES + 1)}
    model = CommunicationModel(service_type="/light", weight=9, relationships=relationships)
    sent = encode_model(model)
    with pytest.raises(ValueError, match=f"a table of {MAX_ENTRIES + 1} entries"):
        decode_model(sent)
    assert decode_model(sent, most=5 * MAX_KEYS) == model


@given(models(), st.data())
def test_damaged_models_are_refused_or_are_models(model: CommunicationModel, data: st.DataObject) -> None:
    sent = bytearray(encode_model(model))
    sent[data.draw(st.integers(0, len(sent) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ValueError):
        again = decode_model(bytes(sent))
        assert decode_model(encode_model(again)) == again


@given(st.binary(max_size=200))
def test_bytes_from_anybody_are_refused_or_are_models(sent: bytes) -> None:
    with suppress(ValueError):
        decode_model(sent)
    with suppress(ValueError):
        decode_descriptor(sent, Names())


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"", "cut off"),
        (b"\x00/light", "cut off|no name"),
        (b"\x07", "no name 7"),
        (b"\x00\x01a\x01\x01\xff\xff\xff\x0f", "a table of 33554431 entries"),
        (b"\x00\x01a\x01\x01\x01\x09", "no relationship 9"),
        (b"\x00\x01a\x01\x01\x01\x00\x7f", "no operation 63"),
        (b"\x00\x01a\x01\x01\x01\x00\x00\x01\x01\x00", "without content"),
        (b"\x00\x01a\x01\x01\x01\x00\x00\x01\x01\x01\x00", "an empty weight"),
        (b"\x00\x01a\x01\x01\x00\x01\x01\x00", "of 'a' there is nothing"),
        (b"\x00\x01a\x01\x01\x00\x02\x01\x05\x01\x06", "'a' is told twice"),
    ],
)
def test_reason_is_named(sent: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        decode_descriptor(sent, Names())


def test_sums_that_no_points_have_are_refused() -> None:
    key = Key("/a", own=False, operation="get", data_type="")
    relationship = Relationship(fast=summary([(5, 1), (5, 1)]))
    model = CommunicationModel(service_type="/light", weight=1, relationships={key: relationship})
    sent = encode_model(model)
    two_points_that_add_up_to_ten_without_spread = bytes((2 << 1, 10 << 1, 0))
    assert two_points_that_add_up_to_ten_without_spread in sent
    none_that_add_up_to_ten = bytes((0 << 1, 10 << 1, 0))
    with pytest.raises(ValueError, match="no points have these sums"):
        decode_model(sent.replace(two_points_that_add_up_to_ten_without_spread, none_that_add_up_to_ten))
