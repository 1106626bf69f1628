"""Who is in a quarantine set according to the kernel: keys and the time they have left.

Asked over netlink directly, as libnftables takes a second and hundreds of megabytes to list a full set; this takes some
microseconds for each element. Attribute numbers are those of the kernel's `uapi/linux/netfilter/nf_tables.h`.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping

from proxy.firewall.netlink import ATTRIBUTE, ATTRIBUTE_TYPE, NETFILTER, attributes, dump, listed
from proxy.firewall.plan import Entry
from proxy.firewall.ruleset import LONGEST, TABLE
from proxy.firewall.structure import FIXED_PART, INET, SUBSYSTEM

NEW_ELEMENTS, GET_ELEMENTS = 12, 13
NAME_OF_TABLE, NAME_OF_SET, ELEMENTS = 1, 2, 3
KEY, EXPIRATION = 1, 5
MILLISECONDS = struct.Struct("!Q")
TOLERANCE = 2.0
"""Seconds; the kernel counts in ticks, and an element takes a while from being written down to being put in."""


def key_of(entry: Entry) -> bytes:
    """Return a sender as the kernel's key; in one of several parts each fills up to four bytes."""
    address, mac = entry.key
    ip = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address.partition("/")[0])
    return ip if mac is None else bytes.fromhex(mac.replace(":", "")) + bytes(2) + ip


def read_elements(name: str) -> dict[bytes, float | None]:
    """Return the keys of a set of our table, each with the seconds it has left, None for one that stays.

    Raises:
        OSError: when the kernel does not answer, there is no such set, or it changes faster than it can be read.
    """
    question = FIXED_PART.pack(INET, 0, 0) + _text(NAME_OF_TABLE, TABLE) + _text(NAME_OF_SET, name)
    found: dict[bytes, float | None] = {}
    for answer in dump(SUBSYSTEM | GET_ELEMENTS, SUBSYSTEM | NEW_ELEMENTS, question, family=NETFILTER):
        for element in listed(attributes(answer[FIXED_PART.size :]).get(ELEMENTS, b"")):
            key, left = _element(element)
            found[key] = left
    return found


def _element(data: bytes) -> tuple[bytes, float | None]:
    """Return key and seconds left of one element. As `attributes` would, in a third of the time."""
    key, left = b"", None
    position = 0
    while position + ATTRIBUTE.size <= len(data):
        length, kind = ATTRIBUTE.unpack_from(data, position)
        if kind & ATTRIBUTE_TYPE == KEY:
            # Nested: the key is the value of the only attribute within.
            key = data[position + 2 * ATTRIBUTE.size : position + length]
        elif kind & ATTRIBUTE_TYPE == EXPIRATION:
            left = MILLISECONDS.unpack_from(data, position + ATTRIBUTE.size)[0] / 1000
        position += max(length + 3 & ~3, ATTRIBUTE.size)
    return key, left


def whole(wanted: Mapping[bytes, float | None], found: Mapping[bytes, float | None], now: float) -> bool:
    """Return whether everybody who should be in a set is in it, until when they should.

    Others may be in it as well: an operator may quarantine by hand.

    Args:
        wanted: keys, each with its end in seconds since the epoch, None for one without.
        found: keys, each with the seconds it has left, None for one without end.
        now: real time, seconds since the epoch.
    """
    for key, until in wanted.items():
        left = None if until is None else min(until - now, LONGEST / 1000)
        if left is not None and left < TOLERANCE:
            continue
        if key not in found:
            return False
        there = found[key]
        if there is not None and (left is None or there < left - TOLERANCE):
            return False
    return True


def _text(number: int, text: str) -> bytes:
    value = text.encode() + b"\0"
    return ATTRIBUTE.pack(ATTRIBUTE.size + len(value), number) + value + bytes(-len(value) % 4)
