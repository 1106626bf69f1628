"""Patterns that can be read in one way only, and are matched in one pass."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from proxy.decoders.rest.pattern import LONGEST_TEXT, Pattern

SHIPPED = [
    r"(?P<domain>[a-z_]+)\.(?P<object>.+)",
    r"power(?P<relay>[1-8]?) (?P<value>on|off|toggle)",
    r"light-(?P<n>[1-9][0-9]*)",
    r"(?P<channel>\d{1,3}):(?P<rest>[a-z_]*)-(?:x|y)",
]


@pytest.mark.parametrize("text", SHIPPED)
@given(data=st.data())
def test_it_matches_what_the_regular_expression_matches(text: str, data: st.DataObject) -> None:
    example = data.draw(st.one_of(st.from_regex(text, fullmatch=True), st.text("aon:.-1 x", max_size=9)))
    expected = re.compile(text, re.ASCII | re.DOTALL).fullmatch(example)
    found = Pattern(text).match(example)
    assert found == (None if expected is None else expected.groupdict(""))


def test_groups_become_variables() -> None:
    pattern = Pattern(SHIPPED[0])
    assert pattern.groups == ("domain", "object")
    assert pattern.match("light.kitchen.left") == {"domain": "light", "object": "kitchen.left"}
    assert pattern.match("light") is None
    assert pattern.match("light.a\n") == {"domain": "light", "object": "a\n"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "(a+)+",
        "(?:a|b)*",
        "[a-z]+[a-z]",
        "[a-z]*[a-z]*x",
        ".*x",
        "a?a",
        "a+?b",
        "a{2}{3}",
        "a{1,999}",
        "a{3,2}",
        "(a)",
        "(?=a)",
        "(?i)a",
        "(?P<x>a)(?P<x>b)",
        "(?P<1>a)",
        "(?:a|ab)",
        "(?:a|)",
        "(?:a|b+)",
        "(?:)",
        "(?:(?:a))",
        "(?:a",
        r"\1",
        r"\b",
        r"\p{L}",
        "[",
        "[z-a]",
        "[[:alpha:]]",
        "^a$",
        "a|b",
        "*a",
        "a" * 257,
    ],
)
def test_what_could_go_back_is_refused_with_its_remedy(text: str) -> None:
    with pytest.raises(PydanticCustomError) as refused:
        Pattern(text)
    context = refused.value.context
    assert context is not None
    assert context["inconsistencies"][0].remedy


@given(st.text(st.sampled_from("ab.*+?()[]{}|\\-^1,P<>:"), max_size=12))
def test_whatever_is_written_is_compiled_or_refused(text: str) -> None:
    try:
        pattern = Pattern(text)
    except PydanticCustomError:
        return
    expected = re.compile(text, re.ASCII | re.DOTALL).fullmatch("ab")
    assert (pattern.match("ab") is None) == (expected is None)


@pytest.mark.parametrize("text", SHIPPED)
def test_a_hostile_text_takes_no_time(text: str) -> None:
    pattern = Pattern(text)
    begun = time.perf_counter()
    for character in "a1p_:.":
        pattern.match(character * LONGEST_TEXT)
    assert time.perf_counter() - begun < 0.5
    assert Pattern("a*").match("a" * (LONGEST_TEXT + 1)) is None
