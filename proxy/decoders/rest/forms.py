"""Numbers that are part of an address, in the one spelling that counts."""

from __future__ import annotations

import re

from proxy.decoders.strict_json import Number

_INTEGER = re.compile(r"0|[1-9][0-9]{0,17}")
_LIKE_A_NUMBER = re.compile(r"[\s+.-]*\d")


class NotCanonical(ValueError):
    """A number in a spelling that servers may take for that of another one."""


def require_integer(value: object, *, number: bool) -> None:
    """See that a value is a whole number from 0, without sign, leading zeros, fraction or exponent.

    A device may take `01`, `1.0`, `+1`, ` 1`, `"1"` and `1x` for 1: in an address, each would be another instance.

    Args:
        value: Of a JSON body, or a text.
        number: It has to be a number of JSON, and no text.

    Raises:
        NotCanonical: it is, or begins with, another spelling of one.
        ValueError: it is no number at all.
    """
    text = value if isinstance(value, str) else ""
    if isinstance(value, Number) is number and _INTEGER.fullmatch(text):
        return
    if _LIKE_A_NUMBER.match(text):
        raise NotCanonical(f"is to be a whole number in its usual spelling, and is {text[:32]!r}")
    raise ValueError("is no number")
