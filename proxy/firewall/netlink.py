"""Netlink (RFC 3549, netlink(7)), read only: neighbours and own addresses (rtnetlink(7)), what rules are made of."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import NoReturn

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
NLM_F_DUMP = 0x300
NLM_F_DUMP_INTR = 0x10
ATTRIBUTE_TYPE = 0x3FFF
"""Without the nested and byte-order flags."""

BUFFER = 1 << 17
TIMEOUT = 2.0
"""Seconds; the kernel answers in microseconds, so this only bounds the unforeseen."""
ATTEMPTS = 3


class NetlinkError(OSError):
    """The kernel did not answer a query as it should."""


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


def ask(request: int, reply: int, fixed_part: bytes, *, family: int = ROUTE) -> bytes:
    """Ask the kernel for one object, in the network namespace of the calling thread; return the answer's payload.

    Raises:
        NetlinkError: when the kernel refuses.
        OSError: when there is no netlink.
    """
    question = HEADER.pack(HEADER.size + len(fixed_part), request, NLM_F_REQUEST, 1, 0) + fixed_part
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, family) as kernel:
        kernel.settimeout(TIMEOUT)
        kernel.sendto(question, (0, 0))
        while True:
            for kind, _, payload in messages(kernel.recv(BUFFER)):
                if kind == NLMSG_ERROR:
                    _refused(payload, request)
                if kind == reply:
                    return payload


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
    question = HEADER.pack(HEADER.size + len(fixed_part), request, NLM_F_REQUEST | NLM_F_DUMP, 1, 0) + fixed_part
    answers: list[bytes] = []
    whole = True
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, family) as kernel:
        kernel.settimeout(TIMEOUT)
        kernel.sendto(question, (0, 0))
        while True:
            for kind, flags, payload in messages(kernel.recv(BUFFER)):
                if kind == NLMSG_ERROR:
                    _refused(payload, request)
                if kind == NLMSG_DONE:
                    return answers, whole
                whole = whole and not flags & NLM_F_DUMP_INTR
                if kind == reply:
                    answers.append(payload)
