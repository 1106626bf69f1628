from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from policy.duration import duration, seconds


@pytest.mark.parametrize(
    ("text", "length"), [("1s", 1), ("90s", 90), ("15m", 900), ("1h", 3600), ("7d", 604_800), ("365d", 31_536_000)]
)
def test_durations_mean_what_they_say(text: str, length: int) -> None:
    assert seconds(text) == length


@pytest.mark.parametrize(
    "text", ["", "1", "0s", "01h", "1.5h", "-1h", "1w", "1h30m", " 1h", "1h ", "1H", 3600, None, "1h\n"]
)
def test_anything_else_is_refused_with_the_forms_that_exist(text: object) -> None:
    with pytest.raises(PydanticCustomError, match="is not a duration"):
        seconds(text)


@settings(deadline=None)
@given(st.integers(1, 999_999), st.sampled_from("smhd"))
def test_a_length_is_written_so_that_it_reads_back(number: int, unit: str) -> None:
    length = seconds(f"{number}{unit}")

    assert seconds(duration(length)) == length


@pytest.mark.parametrize(("length", "text"), [(5400, "90m"), (3600, "1h"), (86_400, "1d"), (59.9, "59s"), (0, "0s")])
def test_a_length_is_written_in_the_largest_whole_unit(length: float, text: str) -> None:
    assert duration(length) == text
