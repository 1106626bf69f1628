"""What our table is made of according to the kernel: chains, rules, set definitions; not who is in quarantine.

Asked over netlink directly: libnftables reads every element of a set before it lists anything, a fifth of a second for
a full one, where this takes a fraction of a millisecond whatever the sets hold. Attribute numbers are those of the
kernel's `uapi/linux/netfilter/nf_tables.h`.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from proxy.firewall.netlink import ATTRIBUTE, NETFILTER, PacketFilter, attributes, dump
from proxy.firewall.ruleset import TABLE

NFTABLES = 10
"""NFNL_SUBSYS_NFTABLES."""
SUBSYSTEM = NFTABLES << 8
"""The same, as the upper byte of a message's type."""
INET, BRIDGE = 1, 7
"""NFPROTO_INET, NFPROTO_BRIDGE: the families of our tables."""
FIXED_PART = struct.Struct("=BBH")
"""Family, version, resource (nfgenmsg)."""
NAME_OF_TABLE = 1
"""In every kind of object the first attribute is the table's name."""
NEW_GENERATION, GET_GENERATION = 15, 16
NUMBER_OF_GENERATION = 1
NUMBER = struct.Struct("!I")


class Kind(NamedTuple):
    """One kind of object: how it is asked for, and which of its attributes make it what it is."""

    new: int
    get: int
    defining: tuple[int, ...]
    """Left out are handles, positions, numbers of uses, values of counters, numbers of elements."""


TABLES = Kind(0, 1, (1, 2))
"""Name, flags: a dormant table does nothing."""
CHAINS = Kind(3, 4, (3, 4, 5, 7, 10))
"""Name, hook with priority, policy, type, flags."""
RULES = Kind(6, 7, (2, 4))
"""Chain, expressions; in their order."""
SETS = Kind(9, 10, (2, 3, 4, 5, 6, 7, 9))
"""Name, flags, type and length of keys and of data, description with the size."""
OBJECTS = Kind(18, 19, (2, 3))
"""Name, type: the named counters."""


class Structure(NamedTuple):
    """The table's parts, each object as bytes that are equal exactly where it does the same."""

    table: tuple[bytes, ...]
    chains: tuple[bytes, ...]
    rules: tuple[bytes, ...]
    sets: tuple[bytes, ...]
    counters: tuple[bytes, ...]

    def differences(self, other: Structure) -> tuple[str, ...]:
        """Return the names of the parts that are not the same."""
        return tuple(name for name in self._fields if getattr(self, name) != getattr(other, name))


def read_generation(kernel: PacketFilter) -> int:
    """Return the number of this network namespace's rules; each transaction, whoever's it is, makes it one more.

    What ends by itself does not.

    Raises:
        OSError: when the kernel does not answer.
    """
    question = FIXED_PART.pack(0, 0, 0)
    answer = kernel.ask(SUBSYSTEM | GET_GENERATION, SUBSYSTEM | NEW_GENERATION, question)
    (number,) = NUMBER.unpack(attributes(answer[FIXED_PART.size :])[NUMBER_OF_GENERATION])
    return int(number)


def read_structure(families: Sequence[int] = (INET,)) -> Structure:
    """Return the structure of our tables, every part empty where there is no table.

    Raises:
        OSError: when the kernel does not answer, or its rules change faster than they can be read.
    """
    kinds = (TABLES, CHAINS, RULES, SETS, OBJECTS)
    return Structure(*(tuple(part for family in families for part in _objects(kind, family)) for kind in kinds))


def _objects(kind: Kind, family: int) -> tuple[bytes, ...]:
    name = TABLE.encode() + b"\0"
    question = FIXED_PART.pack(family, 0, 0)
    if kind is RULES:
        # A machine may have thousands of rules of others.
        question += ATTRIBUTE.pack(ATTRIBUTE.size + len(name), NAME_OF_TABLE) + name
    answers = dump(SUBSYSTEM | kind.get, SUBSYSTEM | kind.new, question, family=NETFILTER)
    found = (attributes(answer[FIXED_PART.size :]) for answer in answers)
    return tuple(_definition(known, kind) for known in found if known.get(NAME_OF_TABLE) == name)


def _definition(known: dict[int, bytes], kind: Kind) -> bytes:
    present = [(number, known[number]) for number in kind.defining if number in known]
    return b"".join(ATTRIBUTE.pack(ATTRIBUTE.size + len(value), number) + value for number, value in present)
