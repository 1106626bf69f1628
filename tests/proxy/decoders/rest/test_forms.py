"""A number that names an instance has one spelling."""

from __future__ import annotations

import pytest

from proxy.decoders.rest.forms import NotCanonical, require_integer
from proxy.decoders.strict_json import Number


@pytest.mark.parametrize("text", ["0", "1", "20", "123456789012345678"])
def test_the_usual_spelling_counts(text: str) -> None:
    require_integer(text, number=False)
    require_integer(Number(text), number=True)


@pytest.mark.parametrize(
    "text", ["00", "01", "0.0", "0.9", "-0", "+1", " 1", "1 ", "1e0", "1x", ".1", "9" * 19, "\u0661"]
)
def test_another_spelling_of_a_number_is_told_from_what_is_none(text: str) -> None:
    with pytest.raises(NotCanonical, match="usual spelling"):
        require_integer(text, number=False)


@pytest.mark.parametrize("number", ["0.0", "-0", "1e0", "-1", "10.5"])
def test_numbers_of_json_have_one_spelling_too(number: str) -> None:
    with pytest.raises(NotCanonical):
        require_integer(Number(number), number=True)


def test_json_writes_numbers_as_numbers() -> None:
    with pytest.raises(NotCanonical):
        require_integer("1", number=True)


@pytest.mark.parametrize("value", ["", "new", "all", True, None, [], {}])
def test_what_is_no_number_is_no_other_spelling_of_one(value: object) -> None:
    with pytest.raises(ValueError, match="no number") as told:
        require_integer(value, number=True)
    assert not isinstance(told.value, NotCanonical)
