"""Who is in a quarantine set: put there, taken out, and read back, as keys and the time that they have left.

Over netlink directly. libnftables takes a second and hundreds of megabytes to list a full set, where this takes some
microseconds for each element; and before it puts one in, it reads what sets there are, which takes five times as long.
Attribute numbers are those of the kernel's `uapi/linux/netfilter/nf_tables.h`.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Mapping

from proxy.firewall.netlink import (
    ATTRIBUTE,
    ATTRIBUTE_TYPE,
    NESTED,
    NETFILTER,
    NLM_F_CREATE,
    Change,
    attribute,
    attributes,
    dump,
    listed,
)
from proxy.firewall.plan import Entry
from proxy.firewall.ruleset import LONGEST, TABLE, by_set, milliseconds_left
from proxy.firewall.structure import FIXED_PART, INET, SUBSYSTEM

NEW_ELEMENTS, GET_ELEMENTS, DELETE_ELEMENTS = 12, 13, 14
NAME_OF_TABLE, NAME_OF_SET, ELEMENTS = 1, 2, 3
ELEMENT = 1
KEY, TIMEOUT, EXPIRATION = 1, 4, 5
VALUE = 1
MILLISECONDS = struct.Struct("!Q")
TOLERANCE = 2.0
"""Seconds; the kernel counts in ticks, and an element takes a while from being written down to being put in."""


def key_of(entry: Entry) -> bytes:
    """Return a sender as the kernel's key; in one of several parts each fills up to four bytes."""
    address, mac = entry.key
    ip = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address.partition("/")[0])
    return ip if mac is None else bytes.fromhex(mac.replace(":", "")) + bytes(2) + ip


def insertion(entries: Iterable[Entry], now: float) -> list[Change]:
    """Return the changes that put senders into quarantine, whether or not they are in it.

    Adding an element that exists leaves its time alone on kernels before 6.12, and deleting one that does not exist
    fails; so each is added, deleted and added anew. In one transaction no packet sees the gap.

    Args:
        entries: the senders, at most `MOST_ENTRIES`; those whose time is over are left out.
        now: real time, seconds since the epoch.
    """
    changes = []
    for name, members in by_set(entries).items():
        left = {key_of(entry): milliseconds_left(entry, now) for entry in members}
        left = {key: milliseconds for key, milliseconds in left.items() if milliseconds != 0}
        if left:
            bare = _elements(name, dict.fromkeys(left))
            changes += [_added(bare), _deleted(bare), _added(_elements(name, left))]
    return changes


def removal(entries: Iterable[Entry]) -> list[Change]:
    """Return the changes that let senders through, whether or not they are in quarantine."""
    changes = []
    for name, members in by_set(entries).items():
        bare = _elements(name, dict.fromkeys(map(key_of, members)))
        changes += [_added(bare), _deleted(bare)]
    return changes


def _added(elements: bytes) -> Change:
    return Change(SUBSYSTEM | NEW_ELEMENTS, NLM_F_CREATE, elements)


def _deleted(elements: bytes) -> Change:
    return Change(SUBSYSTEM | DELETE_ELEMENTS, 0, elements)


def _elements(name: str, left: Mapping[bytes, int | None]) -> bytes:
    """Return elements of a set as a message's payload; keys with the milliseconds that they stay, None for ever."""
    elements = []
    for key, milliseconds in left.items():
        element = attribute(KEY | NESTED, attribute(VALUE, key))
        if milliseconds is not None:
            element += attribute(TIMEOUT, MILLISECONDS.pack(milliseconds))
        elements.append(attribute(ELEMENT | NESTED, element))
    return _names(name) + attribute(ELEMENTS | NESTED, b"".join(elements))


def _names(name: str) -> bytes:
    """Return what begins a message about a set of our table."""
    table = attribute(NAME_OF_TABLE, TABLE.encode() + b"\0")
    return FIXED_PART.pack(INET, 0, 0) + table + attribute(NAME_OF_SET, name.encode() + b"\0")


def read_elements(name: str) -> dict[bytes, float | None]:
    """Return the keys of a set of our table, each with the seconds it has left, None for one that stays.

    Raises:
        OSError: when the kernel does not answer, there is no such set, or it changes faster than it can be read.
    """
    found: dict[bytes, float | None] = {}
    for answer in dump(SUBSYSTEM | GET_ELEMENTS, SUBSYSTEM | NEW_ELEMENTS, _names(name), family=NETFILTER):
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
