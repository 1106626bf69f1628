"""Spans of time as people write them: `90s`, `15m`, `1h`, `7d`."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from policy.loading import invalid

PATTERN = r"^[1-9][0-9]{0,5}[smhd]$"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text: object) -> int:
    """Return a duration's length in seconds.

    Raises:
        PydanticCustomError: for anything but a whole number above 0 (six digits at most) and a unit.
    """
    if not isinstance(text, str) or re.match(PATTERN, text) is None or text.endswith("\n"):
        raise invalid(f"{text!r} is not a duration", "write a number and a unit: 90s, 15m, 1h or 7d")
    return int(text[:-1]) * _SECONDS[text[-1]]


def duration(length: float) -> str:
    """Return seconds in the largest unit that divides them: 5400 is `90m`; fractions are dropped."""
    whole = int(length)
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if whole and whole % size == 0:
            return f"{whole // size}{unit}"
    return f"{whole}s"


Duration = Annotated[
    int,
    BeforeValidator(seconds),
    PlainSerializer(duration, when_used="json"),  # what one process of the gateway writes, another one reads
    WithJsonSchema({"type": "string", "pattern": PATTERN, "examples": ["1h"]}),
]
"""A field that is written as text and holds seconds."""
