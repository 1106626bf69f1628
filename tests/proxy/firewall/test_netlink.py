from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.firewall.addresses import FIXED_PART, RTM_GETADDR, RTM_NEWADDR
from proxy.firewall.netlink import ATTRIBUTE, HEADER, NetlinkError, attributes, dump, messages


def message(kind: int, payload: bytes, flags: int = 2) -> bytes:
    data = HEADER.pack(HEADER.size + len(payload), kind, flags, 1, 0) + payload
    return data + b"\0" * (-len(data) % 4)


def attribute(kind: int, payload: bytes) -> bytes:
    data = ATTRIBUTE.pack(ATTRIBUTE.size + len(payload), kind) + payload
    return data + b"\0" * (-len(data) % 4)


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=40))))
def test_messages_are_taken_apart(sent: list[tuple[int, bytes]]) -> None:
    data = b"".join(message(kind, payload) for kind, payload in sent)
    assert [(kind, payload) for kind, _, payload in messages(data)] == sent


@given(st.dictionaries(st.integers(0, 0x3FFF), st.binary(max_size=40)))
def test_attributes_are_taken_apart(sent: dict[int, bytes]) -> None:
    assert attributes(b"".join(attribute(kind, payload) for kind, payload in sent.items())) == sent


def test_the_flags_of_an_attribute_are_not_its_type() -> None:
    assert attributes(attribute(0x8001, b"abcd")) == {1: b"abcd"}


@pytest.mark.parametrize("length", [0, 3, 200])
def test_a_length_that_does_not_fit_is_told(length: int) -> None:
    with pytest.raises(NetlinkError, match="netlink: a message"):
        list(messages(struct.pack("=IHHII", length, 1, 0, 0, 0) + b"1234"))
    with pytest.raises(NetlinkError, match="netlink: an attribute"):
        attributes(struct.pack("=HH", length, 1) + b"1234")


def test_the_kernel_answers() -> None:
    assert len(dump(RTM_GETADDR, RTM_NEWADDR, FIXED_PART.pack(0, 0, 0, 0, 0))) >= 1


def test_a_refusal_of_the_kernel_is_told() -> None:
    with pytest.raises(NetlinkError, match="refused question 9999"):
        dump(9999, 9999, b"\0" * 8)
