"""Templates give different names for different values, in the alphabet of addresses."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from proxy.decoders.rest.template import LONGEST_FILLED, Template, escaped

ADDRESS = re.compile(r"(?:[A-Za-z0-9._:-]|%[0-9A-F]{2})+")
VALUES = st.text(st.sampled_from("a-_.:%/ é2"), min_size=1, max_size=5)


@given(VALUES)
def test_values_become_one_segment(value: str) -> None:
    segment = escaped(value)
    assert ADDRESS.fullmatch(segment)
    assert segment not in {".", ".."}


@given(VALUES, VALUES)
def test_different_values_give_different_segments(one: str, other: str) -> None:
    assert (escaped(one) == escaped(other)) == (one == other)


@pytest.mark.parametrize("text", ["{a}-{b}", "{a}.{b}", "x-{a}_{b}", "{a}:-{b}"])
@given(VALUES, VALUES, VALUES, VALUES)
def test_different_pairs_give_different_names(text: str, a: str, b: str, c: str, d: str) -> None:
    template = Template(text, segments=False)
    first, second = template.fill({"a": a, "b": b}), template.fill({"a": c, "b": d})
    assert (first == second) == ((a, b) == (c, d))


def test_readable_values_stay_readable() -> None:
    assert Template("light-{n}", segments=False).fill({"n": "3"}) == "light-3"
    assert Template("{domain}.{object}", segments=False).fill({"domain": "light", "object": "a"}) == "light.a"
    assert Template("{n}/state", segments=True).fill({"n": "00:17:88"}) == "00:17:88/state"


def test_names_that_are_reserved_cannot_be_made_of_values() -> None:
    assert Template("{n}", segments=False).fill({"n": "_all"}) == "%5Fall"


def test_what_gives_no_name_gives_none() -> None:
    template = Template("x-{n}", segments=False)
    assert template.fill({"n": ""}) is None
    assert template.fill({"n": "a" * LONGEST_FILLED}) is None


@pytest.mark.parametrize(
    "text", ["{a}{b}", "{a}x{b}", "{A}", "{", "a}", "a b", "a//b", "../a", "{a}-{a}", "é", "a" * 257]
)
def test_what_is_no_template_is_refused(text: str) -> None:
    with pytest.raises(PydanticCustomError):
        Template(text, segments=True)


def test_a_service_is_one_segment() -> None:
    with pytest.raises(PydanticCustomError, match="segment of an address"):
        Template("a/b", segments=False)
