"""Conditions on texts, and bounds of values."""

from __future__ import annotations

import time
from fnmatch import fnmatchcase
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.decoders.rest.conditions import check, check_member, problem
from proxy.decoders.rest.mapping import Bounded, Like
from proxy.decoders.strict_json import Number

_WORDS = frozenset({"true", "false", "on", "off"})
_NO_NUMBER = "is not a number, or not written as one"
_NO_BOOLEAN = "is not true or false as it is written there"


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
        (Bounded(minimum=1, maximum=254), "20", _NO_NUMBER),
        (Bounded(minimum=1, maximum=254, texts=True), "20", None),
        (Bounded(minimum=1, maximum=254, texts=True), "2540e-1", _NO_NUMBER),
        (Bounded(integer=True), Number("5"), None),
        (Bounded(integer=True), Number("-5"), None),
        *[
            (Bounded(integer=True), Number(each), "is not a whole number, or not written as one")
            for each in ("5.5", "50e-1", "-0", "5.0")
        ],
        (Bounded(maximum=254), " 20", _NO_NUMBER),
        (Bounded(maximum=254), "1_0", _NO_NUMBER),
        (Bounded(maximum=254), "٣", _NO_NUMBER),
        (Bounded(maximum=254), "0x10", _NO_NUMBER),
        (Bounded(maximum=254), "nan", _NO_NUMBER),
        (Bounded(maximum=254), True, _NO_NUMBER),
        (Bounded(maximum=254), None, _NO_NUMBER),
        (Bounded(data_type="/basic/number"), "much", _NO_NUMBER),
        (Bounded(data_type="/basic/boolean"), True, None),
        (Bounded(data_type="/basic/boolean"), "on", _NO_BOOLEAN),
        (Bounded(data_type="/basic/boolean", texts=True), "on", None),
        (Bounded(data_type="/basic/boolean", texts=True), "lock", _NO_BOOLEAN),
        (Bounded(data_type="/basic/boolean", texts=True), Number("1"), _NO_BOOLEAN),
        (Bounded(data_type="/basic/boolean"), [], _NO_BOOLEAN),
        (Bounded(choices=["on", "off"]), "on", None),
        (Bounded(choices=["on", "off"]), "ON", "is not one of the choices"),
        (Bounded(), "anything", None),
    ],
)
def test_values_outside_their_bounds_are_told(bounds: Bounded, value: object, wrong: str | None) -> None:
    text = {True: "true", None: "null"}.get(value, str(value)) if isinstance(value, bool | None) else str(value)
    assert problem(bounds, value, text, json=True, booleans=_WORDS) == wrong


@pytest.mark.parametrize("text", ["0100", "1000e-1", "+1", ".5", "1.", "1_0", " 1", "0x10", "\u0663", "", "-", "00"])
def test_numbers_in_texts_are_plain_decimals(text: str) -> None:
    bounds = Bounded(minimum=0, maximum=10_000)
    assert problem(bounds, text, text, json=False, booleans=_WORDS) == _NO_NUMBER


@pytest.mark.parametrize("text", ["0", "100", "-0.5", "99.125"])
def test_plain_decimals_are_numbers(text: str) -> None:
    assert problem(Bounded(data_type="/basic/number"), text, text, json=False, booleans=_WORDS) is None


def test_the_words_of_texts_for_true_and_false_are_closed() -> None:
    of = partial(problem, json=False, booleans=_WORDS)
    assert of(Bounded(data_type="/basic/boolean"), "on", "on") is None
    assert of(Bounded(data_type="/basic/boolean"), "banana", "banana") == _NO_BOOLEAN
    assert of(Bounded(data_type="/basic/boolean", choices=["toggle"]), "toggle", "toggle") is None
    assert of(Bounded(data_type="/basic/boolean", choices=["toggle"]), "on", "on") == "is not one of the choices"


def test_a_text_of_json_is_neither_true_nor_a_number() -> None:
    assert check_member(True, json=True)(True)
    assert not check_member(True, json=True)("true")
    assert check_member(True, json=False)("true")
    assert check_member(7, json=True)(Number("7"))
    assert not check_member(7, json=True)("7")
