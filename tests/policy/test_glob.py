from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from policy.glob import matcher, pattern


@pytest.mark.parametrize(
    ("patterns", "text", "expected"),
    [
        (["/agent1/phone1"], "/agent1/phone1", True),
        (["/agent1/phone1"], "/agent1/phone10", False),
        (["/agent1/phone*"], "/agent1/phone10", True),
        (["/agent1/*"], "/agent1/phone1/battery", False),
        (["/agent1/**"], "/agent1/phone1/battery", True),
        (["**/isOpen"], "/agent1/lock1/isOpen", True),
        (["/agent?/lock1"], "/agent12/lock1", False),
        (["/agent?/lock1"], "/agent2/lock1", True),
        (["/a.b"], "/axb", False),
        (["/a.*"], "/a.c", True),
        (["/a", "/b*"], "/b1", True),
        (["/a*"], "/a\n", True),
    ],
)
def test_a_pattern_matches_whole_texts(patterns: list[str], text: str, expected: bool) -> None:
    assert matcher(patterns)(text) is expected


@given(st.text("/ab.+[](", min_size=1, max_size=20))
def test_a_pattern_without_wildcards_matches_itself_alone(text: str) -> None:
    assert matcher([text, "/never*"])(text)
    assert not matcher([text])(text + "x")


@pytest.mark.parametrize("text", ["", " /a", "/a ", "*" * 3 + "a*" * 9, "/" * 300])
def test_patterns_are_bounded(text: str) -> None:
    with pytest.raises(PydanticCustomError):
        pattern(text)
