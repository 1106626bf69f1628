from __future__ import annotations

import errno
import statistics
import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.firewall.addresses import FIXED_PART, RTM_GETADDR, RTM_NEWADDR
from proxy.firewall.commands import InstallTable
from proxy.firewall.elements import insertion
from proxy.firewall.netlink import ATTRIBUTE, HEADER, NetlinkError, PacketFilter, attributes, dump, messages
from proxy.firewall.netlink import attribute as sent_attribute
from proxy.firewall.nftables import Firewall
from proxy.firewall.plan import Entry
from proxy.firewall.structure import NFTABLES, read_generation
from tests.network.namespaces import Host
from tests.proxy.firewall.watched import PLAN


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


@given(st.dictionaries(st.integers(0, 0x3FFF), st.binary(max_size=40)))
def test_attributes_that_are_sent_read_the_same(sent: dict[int, bytes]) -> None:
    assert attributes(b"".join(sent_attribute(kind, value) for kind, value in sent.items())) == sent


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


def test_a_conversation_goes_on_after_a_refusal(machine: Host) -> None:
    kernel = PacketFilter()
    before = read_generation(kernel)
    for _ in range(3):
        with pytest.raises(NetlinkError) as refused:
            kernel.change(insertion([Entry(ip="10.77.1.10"), Entry(ip="fd77::1")], 0.0), NFTABLES)
        assert refused.value.errno == errno.ENOENT
    assert read_generation(kernel) == before
    assert [read_generation(kernel) for _ in range(3)] == [before] * 3


def test_after_a_change_the_next_question_does_not_wait_for_the_kernel_to_tidy_up(machine: Host) -> None:
    """A conversation that is ended waits for that: some 20 ms, in which nobody else would be cut off."""
    Firewall().apply(InstallTable(PLAN))
    kernel = PacketFilter()
    took = []
    for n in range(20):
        kernel.change(insertion([Entry(ip=f"10.77.1.{n}")], 0.0), NFTABLES)
        begun = time.perf_counter()
        read_generation(kernel)
        took.append(time.perf_counter() - begun)
    assert statistics.median(took) < 0.003
