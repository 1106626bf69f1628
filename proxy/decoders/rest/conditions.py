"""Conditions of a mapping on texts and values; each is checked in one pass over the text."""

from __future__ import annotations

import math
from collections.abc import Callable

from proxy.decoders.rest.folding import folded
from proxy.decoders.rest.mapping import Bounded, Condition, Like
from proxy.decoders.strict_json import Number

Check = Callable[[str], bool]
_NUMBER = "/basic/number"
_BOOLEAN = "/basic/boolean"


def check(condition: Condition) -> Check:
    """Return what tells whether a text meets a condition."""
    match condition:
        case bool():
            return ("true" if condition else "false").__eq__
        case int():
            return str(condition).__eq__
        case Like():
            fold = condition.case == "insensitive"
            glob = _glob(folded(condition.like) if fold else condition.like)
            return (lambda text: glob(folded(text))) if fold else glob
        case str():
            return _glob(condition)


def _glob(pattern: str) -> Check:
    parts = pattern.split("*")
    if len(parts) == 1:
        return pattern.__eq__
    first, *middle, last = parts
    shortest = len(first) + len(last)

    def matches(text: str) -> bool:
        if len(text) < shortest or not text.startswith(first) or not text.endswith(last):
            return False
        place, end = len(first), len(text) - len(last)
        for part in middle:
            place = text.find(part, place, end)
            if place < 0:
                return False
            place += len(part)
        return True

    return matches


def problem(bounds: Bounded, value: object, text: str) -> str | None:
    """Return what is wrong with a value, in words for after its name; None where it is within its bounds.

    Args:
        bounds: What the mapping says of it.
        value: As it stood in a JSON body; a text otherwise.
        text: The same as text.
    """
    if bounds.minimum is not None or bounds.maximum is not None or bounds.data_type == _NUMBER:
        number = _number(value, text)
        if number is None:
            return "is not a number"
        if bounds.minimum is not None and number < bounds.minimum:
            return f"is below {bounds.minimum:g}"
        if bounds.maximum is not None and number > bounds.maximum:
            return f"is above {bounds.maximum:g}"
    if bounds.choices is not None and text not in bounds.choices:
        return "is not one of the choices"
    if bounds.data_type == _BOOLEAN and value is not True and value is not False and not isinstance(value, str):
        return "is not true or false"
    return None


def _number(value: object, text: str) -> float | None:
    """Return a number; also one in a text, as parameters and many services write them."""
    if not isinstance(value, str | Number) or not text or not text.isascii() or text.strip(" _+") != text:
        return None
    if "_" in text or not set(text) <= set("0123456789.eE+-"):
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
