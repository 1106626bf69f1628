"""What is signed: the heads of all chains at one time, as text that a person can read and any tool can check. Pure.

alleyes audit heads 1
key 5d0c...
number 17
time 2026-11-23T07:30:27.123Z
supervisor 12 9f2c...
worker-0 345 77ab...
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Self

import msgspec

from proxy.audit.head import Head

_TITLE = "alleyes audit heads 1"
_KEY = re.compile(r"key ([0-9a-f]{16})")
_NUMBER = re.compile(r"number ([1-9][0-9]{0,17})")
_TIME = re.compile(r"time ([0-9TZ:.+-]{10,40})")
_HEAD = re.compile(r"(supervisor|worker-[0-9]{1,4}) ([0-9]{1,18}) ([0-9a-f]{64})")
_PREAMBLE = 4


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """One."""

    key: str
    """Which key signs it (`PublicKey.name`)."""
    number: int
    """Counts from 1 without end, so that an older one can be told from a newer one."""
    time: str
    """Real time, RFC 3339."""
    heads: Mapping[str, Head]
    """Newest record of each chain, by its name (`layout.name_of_chain`)."""

    def text(self) -> str:
        """Return it as it is signed."""
        heads = [f"{name} {head.sequence} {head.hash}" for name, head in self.heads.items()]
        return "\n".join([_TITLE, f"key {self.key}", f"number {self.number}", f"time {self.time}", *heads, ""])

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return what a text states.

        Raises:
            ValueError: it is no statement, to the letter.
        """
        lines = text.split("\n")
        if len(lines) < _PREAMBLE or lines[0] != _TITLE or lines[-1]:
            raise ValueError("no statement about heads")
        key, number, time = (
            _captured(pattern, line)[0] for pattern, line in zip((_KEY, _NUMBER, _TIME), lines[1:4], strict=True)
        )
        heads = {
            name: Head(int(sequence), digest)
            for name, sequence, digest in (_captured(_HEAD, line) for line in lines[_PREAMBLE:-1])
        }
        return cls(key=key, number=int(number), time=time, heads=heads)


class Signed(msgspec.Struct, frozen=True):
    """A statement with its signature, as it stands in files and records."""

    statement: str
    signature: str
    """Ed25519, of the UTF-8 text, in Base64."""


def _captured(pattern: re.Pattern[str], line: str) -> tuple[str, ...]:
    found = pattern.fullmatch(line)
    if found is None:
        raise ValueError(f"{line[:100]!r} has no place in a statement about heads")
    return found.groups()
