"""Conditions on texts, and bounds of values."""

from __future__ import annotations

import time
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.decoders.rest.conditions import check, problem
from proxy.decoders.rest.mapping import Bounded, Like
from proxy.decoders.strict_json import Number


@given(st.text("ab*", max_size=6), st.text("ab", max_size=8))
def test_a_star_stands_for_anything(pattern: str, text: str) -> None:
    assert check(pattern)(text) == fnmatchcase(text, pattern)


def test_conditions_on_what_is_no_text() -> None:
    assert check(True)("true")
    assert not check(True)("True")
    assert check(7)("7")
    assert check(Like(like="Power*", case="insensitive"))("POWER1 on")
    assert not check(Like(like="Power*"))("POWER1 on")


def test_a_hostile_text_takes_no_time() -> None:
    meets = check("*a*a*a*a*a*a*a*b")
    begun = time.perf_counter()
    assert not meets("a" * 100_000)
    assert time.perf_counter() - begun < 1


@pytest.mark.parametrize(
    ("bounds", "value", "wrong"),
    [
        (Bounded(minimum=1, maximum=254), Number("254"), None),
        (Bounded(minimum=1, maximum=254), Number("254.5"), "is above 254"),
        (Bounded(minimum=1, maximum=254), Number("0"), "is below 1"),
        (Bounded(minimum=1, maximum=254), Number("1e3"), "is above 254"),
        (Bounded(minimum=1, maximum=254), "20", None),
        (Bounded(maximum=254), " 20", "is not a number"),
        (Bounded(maximum=254), "1_0", "is not a number"),
        (Bounded(maximum=254), "٣", "is not a number"),
        (Bounded(maximum=254), "0x10", "is not a number"),
        (Bounded(maximum=254), "nan", "is not a number"),
        (Bounded(maximum=254), True, "is not a number"),
        (Bounded(maximum=254), None, "is not a number"),
        (Bounded(data_type="/basic/number"), "much", "is not a number"),
        (Bounded(data_type="/basic/boolean"), True, None),
        (Bounded(data_type="/basic/boolean"), "on", None),
        (Bounded(data_type="/basic/boolean"), [], "is not true or false"),
        (Bounded(choices=["on", "off"]), "on", None),
        (Bounded(choices=["on", "off"]), "ON", "is not one of the choices"),
        (Bounded(), "anything", None),
    ],
)
def test_values_outside_their_bounds_are_told(bounds: Bounded, value: object, wrong: str | None) -> None:
    text = {True: "true", None: "null"}.get(value, str(value)) if isinstance(value, bool | None) else str(value)
    assert problem(bounds, value, text) == wrong
