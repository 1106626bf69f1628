"""Netlink (RFC 3549, netlink(7)): neighbours and own addresses (rtnetlink(7)), and the packet filter."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple, NoReturn

HEADER = struct.Struct("=IHHII")
"""Length, type, flags, sequence, port (nlmsghdr)."""
ATTRIBUTE = struct.Struct("=HH")
"""Length, type (rtattr)."""
ERROR = struct.Struct("=i")
ALIGNMENT = 4

ROUTE = socket.NETLINK_ROUTE
NETFILTER = 12
"""Netlink families: interfaces, addresses, neighbours; and the packet filter."""

NLMSG_ERROR = 2
NLMSG_DONE = 3
NLM_F_REQUEST = 0x1
NLM_F_ACK = 0x4
NLM_F_CREATE = 0x400
NLM_F_DUMP = 0x300
NLM_F_DUMP_INTR = 0x10
ATTRIBUTE_TYPE = 0x3FFF
"""Without the nested and byte-order flags."""
NESTED = 0x8000
"""Flag of an attribute that holds attributes."""
BATCH_BEGIN, BATCH_END = 0x10, 0x11
"""Types of the messages around a transaction of the packet filter (NFNL_MSG_BATCH_BEGIN, ..._END)."""
BATCH = struct.Struct("!BBH")
"""Family, version, subsystem (nfgenmsg) of those."""

BUFFER = 1 << 17
TIMEOUT = 2.0
"""Seconds; the kernel answers in microseconds, so this only bounds the unforeseen."""
ATTEMPTS = 3


class NetlinkError(OSError):
    """The kernel did not answer a query as it should."""


class Change(NamedTuple):
    """One message of a transaction."""

    kind: int
    """Type of the message."""
    flags: int
    payload: bytes


def _aligned(length: int) -> int:
    return (length + ALIGNMENT - 1) & ~(ALIGNMENT - 1)


def messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield type, flags and payload of each message of a datagram.

    Raises:
        NetlinkError: when a length does not fit.
    """
    position = 0
    while position + HEADER.size <= len(data):
        length, kind, flags, _, _ = HEADER.unpack_from(data, position)
        if not HEADER.size <= length <= len(data) - position:
            message = f"netlink: a message of {length} bytes with {len(data) - position} left"
            raise NetlinkError(message)
        yield kind, flags, data[position + HEADER.size : position + length]
        position += _aligned(length)


def attributes(data: bytes) -> dict[int, bytes]:
    """Return the attributes behind a message's fixed part, by type.

    Raises:
        NetlinkError: when a length does not fit.
    """
    found = {}
    position = 0
    while position + ATTRIBUTE.size <= len(data):
        length, kind = ATTRIBUTE.unpack_from(data, position)
        if not ATTRIBUTE.size <= length <= len(data) - position:
            message = f"netlink: an attribute of {length} bytes with {len(data) - position} left"
            raise NetlinkError(message)
        found[kind & ATTRIBUTE_TYPE] = data[position + ATTRIBUTE.size : position + length]
        position += _aligned(length)
    return found


def attribute(kind: int, value: bytes) -> bytes:
    """Return an attribute as it is sent, filled up to where the next one begins."""
    return ATTRIBUTE.pack(ATTRIBUTE.size + len(value), kind) + value + bytes(-len(value) % ALIGNMENT)


def listed(data: bytes) -> Iterator[bytes]:
    """Yield the attributes of a list, all of one type.

    Raises:
        NetlinkError: when a length does not fit.
    """
    position = 0
    while position + ATTRIBUTE.size <= len(data):
        length, _ = ATTRIBUTE.unpack_from(data, position)
        if not ATTRIBUTE.size <= length <= len(data) - position:
            message = f"netlink: an item of {length} bytes with {len(data) - position} left"
            raise NetlinkError(message)
        yield data[position + ATTRIBUTE.size : position + length]
        position += _aligned(length)


class PacketFilter:
    """A conversation with the packet filter, in the network namespace of the thread that makes it; it stays open.

    To close one takes as long as the kernel has still to tidy up after transactions, whoever's: some 20 ms.
    """

    def __init__(self) -> None:
        """Begin it.

        Raises:
            OSError: when there is no netlink.
        """
        self._kernel = _opened(NETFILTER)

    def ask(self, request: int, reply: int, fixed_part: bytes) -> bytes:
        """Ask for one object; return the answer's payload.

        Raises:
            NetlinkError: when the kernel refuses.
            OSError: when it does not answer.
        """
        return self._exchange(_message(request, NLM_F_REQUEST, 1, fixed_part), reply)

    def change(self, changes: Sequence[Change], subsystem: int) -> None:
        """Carry changes out in one transaction, all of them or none.

        Raises:
            NetlinkError: when the kernel refuses, with the number of its reason.
            OSError: when it does not answer.
        """
        bound = BATCH.pack(socket.AF_UNSPEC, 0, subsystem)
        parts = [_message(BATCH_BEGIN, NLM_F_REQUEST, 0, bound)]
        for number, (kind, flags, payload) in enumerate(changes, 1):
            # Refusals come by themselves, and before the answer to what comes after them.
            answered = NLM_F_ACK if number == len(changes) else 0
            parts.append(_message(kind, NLM_F_REQUEST | flags | answered, number, payload))
        parts.append(_message(BATCH_END, NLM_F_REQUEST, len(changes) + 1, bound))
        self._exchange(b"".join(parts), NLMSG_ERROR)

    def _exchange(self, question: bytes, reply: int) -> bytes:
        try:
            self._kernel.sendto(question, (0, 0))
            while True:
                for kind, _, payload in messages(self._kernel.recv(BUFFER)):
                    if kind == NLMSG_ERROR and ERROR.unpack_from(payload) != (0,):
                        _refused(payload, HEADER.unpack_from(question)[1])
                    if kind == reply:
                        return payload
        except OSError:
            # What the kernel had still to say would be taken for the answer to the next question.
            self._kernel.close()
            self._kernel = _opened(NETFILTER)
            raise


def _opened(family: int) -> socket.socket:
    kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, family)
    kernel.settimeout(TIMEOUT)
    return kernel


def _message(kind: int, flags: int, number: int, payload: bytes) -> bytes:
    return HEADER.pack(HEADER.size + len(payload), kind, flags, number, 0) + payload


def dump(request: int, reply: int, fixed_part: bytes, *, family: int = ROUTE) -> list[bytes]:
    """Ask the kernel for all objects of a kind, in the network namespace of the calling thread.

    Args:
        request: message type of the question, e.g. RTM_GETNEIGH.
        reply: message type of the answers, e.g. RTM_NEWNEIGH.
        fixed_part: the question's fixed part; its first byte is the address family, 0 for all. Attributes that narrow
            the question may follow it.
        family: netlink family, ROUTE or NETFILTER.

    Returns:
        The payloads of the answers.

    Raises:
        NetlinkError: when the kernel refuses, or changes its tables faster than they can be read.
        OSError: when there is no netlink.
    """
    for _ in range(ATTEMPTS):
        answers, whole = _dump_once(request, reply, fixed_part, family)
        if whole:
            return answers
    message = f"netlink: the tables changed during each of {ATTEMPTS} readings"
    raise NetlinkError(message)


def _refused(payload: bytes, request: int) -> NoReturn:
    (number,) = ERROR.unpack_from(payload)
    raise NetlinkError(-number, f"netlink: the kernel refused question {request}")


def _dump_once(request: int, reply: int, fixed_part: bytes, family: int) -> tuple[list[bytes], bool]:
    answers: list[bytes] = []
    whole = True
    with _opened(family) as kernel:
        kernel.sendto(_message(request, NLM_F_REQUEST | NLM_F_DUMP, 1, fixed_part), (0, 0))
        while True:
            for kind, flags, payload in messages(kernel.recv(BUFFER)):
                if kind == NLMSG_ERROR:
                    _refused(payload, request)
                if kind == NLMSG_DONE:
                    return answers, whole
                whole = whole and not flags & NLM_F_DUMP_INTR
                if kind == reply:
                    answers.append(payload)
