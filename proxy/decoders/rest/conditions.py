"""Conditions of a mapping on texts and values; each is checked in one pass over the text."""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from typing import Any

from proxy.decoders.rest.body import as_text
from proxy.decoders.rest.folding import folded
from proxy.decoders.rest.mapping import Bounded, Condition, Like
from proxy.decoders.strict_json import Number

Check = Callable[[str], bool]
MemberCheck = Callable[[Any], bool]
_NUMBER = "/basic/number"
_BOOLEAN = "/basic/boolean"
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,12})?")
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_SPELT = ", or not written as one"


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


def check_member(condition: Condition, *, json: bool) -> MemberCheck:
    """Return what tells whether a member of a body meets a condition: in JSON, the text `"true"` is not true."""
    meets = check(condition)
    if json and isinstance(condition, bool):
        return lambda value: value is condition
    if json and isinstance(condition, int):
        return lambda value: isinstance(value, Number) and meets(value)
    return lambda value: meets(as_text(value))


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


def problem(bounds: Bounded, value: object, text: str, *, json: bool, booleans: Container[str]) -> str | None:
    """Return what is wrong with a value, in words for after its name; None where it is within its bounds.

    Args:
        bounds: What the mapping says of it.
        value: As it stood in a JSON body; a text otherwise.
        text: The same as text.
        json: It stood in a JSON body, where a number is not a text.
        booleans: The words for true and false in texts.
    """
    if len(text) > bounds.longest:
        return f"is longer than {bounds.longest} characters"
    if bounds.integer or bounds.minimum is not None or bounds.maximum is not None or bounds.data_type == _NUMBER:
        number = _number(bounds, value, text, json=json)
        if number is None:
            return f"is not {'a whole' if bounds.integer else 'a'} number{_SPELT}"
        if bounds.minimum is not None and number < bounds.minimum:
            return f"is below {bounds.minimum:g}"
        if bounds.maximum is not None and number > bounds.maximum:
            return f"is above {bounds.maximum:g}"
    if bounds.choices is not None and text not in bounds.choices:
        return "is not one of the choices"
    if bounds.data_type == _BOOLEAN and not _is_boolean(bounds, value, text, json=json, booleans=booleans):
        return "is not true or false as it is written there"
    return None


def _is_boolean(bounds: Bounded, value: object, text: str, *, json: bool, booleans: Container[str]) -> bool:
    """Say whether it is a boolean: for a service that reads JSON, the text `"false"` is true."""
    if json and isinstance(value, bool):
        return True
    if json and (not bounds.texts or isinstance(value, Number)):
        return False
    return isinstance(value, str) and (bounds.choices is not None or text in booleans)


def _number(bounds: Bounded, value: object, text: str, *, json: bool) -> float | None:
    """Return a number: of JSON, or in a text with the digits that all readers make the same number of."""
    if json and not isinstance(value, Number) and not (bounds.texts and isinstance(value, str)):
        return None
    if bounds.integer:
        form = _INTEGER
    elif isinstance(value, Number):
        return float(text)
    else:
        form = _DECIMAL
    return float(text) if isinstance(value, str) and form.fullmatch(text) else None
