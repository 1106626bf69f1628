from __future__ import annotations

import click
import pytest

from proxy.commands.numbers import Finite


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999", "-1", "many"])
def test_what_is_no_number_of_the_range_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        Finite(min=0).convert(text, None, None)


def test_numbers_of_the_range_are_taken() -> None:
    assert Finite(min=0).convert("1.5e3", None, None) == 1500
