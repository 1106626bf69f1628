from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.yaml_source import Mark, parse


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("~", None),
        ("null", None),
        ("", None),
        ("true", True),
        ("False", False),
        ("-12", -12),
        ("3.5", 3.5),
        ("1e3", 1000.0),
        ("yes", "yes"),
        ("off", "off"),
        ("0o17", "0o17"),
        ("1:30", "1:30"),
        ("2026-11-23", "2026-11-23"),
        ('"7"', "7"),
        ("'true'", "true"),
        ("=", "="),
        ("<<", "<<"),
    ],
)
def test_scalars_are_those_of_the_core_schema(text: str, value: object) -> None:
    source = parse(f"a: {text}\n")

    assert source.data == {"a": value}
    assert source.problems == []


def test_every_entry_has_its_place() -> None:
    source = parse("a:\n  b: [1,\n      {c: 2}]\n")

    assert source.mark(("a", "b")) == Mark(2, 3)
    assert source.mark(("a", "b", 0)) == Mark(2, 7)
    assert source.mark(("a", "b", 1, "c")) == Mark(3, 8)


def test_an_entry_that_is_not_there_has_the_place_of_what_encloses_it() -> None:
    assert parse("\na:\n  b: 1\n").mark(("a", "x", "y")) == Mark(2, 1)


def test_of_a_key_given_twice_the_first_counts_and_the_second_is_named() -> None:
    source = parse("a: 1\nb: 2\na: 3\n")

    assert source.data == {"a": 1, "b": 2}
    assert [(problem.mark, problem.path) for problem in source.problems] == [(Mark(3, 1), ("a",))]


def test_a_document_that_would_grow_without_end_is_refused_before_it_does() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(24)
    )

    source = parse(bomb)

    assert source.data is None
    assert source.problems[0].message == "defines the anchor &a"


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.text(st.characters(codec="utf-8", exclude_categories=["C"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.dictionaries(st.text("abc", min_size=1), plain, min_size=1))
def test_json_reads_as_the_same_data(data: dict[str, object]) -> None:
    assert parse(json.dumps(data, ensure_ascii=False)).data == data
