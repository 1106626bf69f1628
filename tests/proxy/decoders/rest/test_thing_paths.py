"""A path belongs to one Thing, also where another has a variable there."""

from __future__ import annotations

import pytest

from proxy.decoders.rest.thing_paths import Claims
from proxy.decoders.rest.thing_routes import Path, TooMuch

ON, ANY, DEEPER = ("lamp", "on"), ("{v0}", "on"), ("lamp", "on", "x")


@pytest.mark.parametrize(("first", "second"), [(ON, ON), (ON, ANY), (ANY, ON), (ANY, ("lamp", "{v1}"))])
def test_what_overlaps_belongs_to_who_claimed_it_first(first: Path, second: Path) -> None:
    claims = Claims()
    claims.claim([first], "a")
    claims.claim([first, second], "a")
    with pytest.raises(TooMuch, match="which belongs to a"):
        claims.claim([DEEPER, second], "b")
    claims.claim([DEEPER], "c")


def test_what_is_reserved_is_nobody_elses() -> None:
    claims = Claims()
    claims.claim([ON], "a")
    claims.reserve([ON, DEEPER], "b")
    with pytest.raises(TooMuch, match="belongs to b"):
        claims.claim([DEEPER], "a")
    claims.claim([ON], "a")


def test_paths_with_variables_are_few() -> None:
    claims = Claims()
    claims.reserve([("x", str(n), "{v2}") for n in range(300)], "a")
    with pytest.raises(TooMuch, match="paths with variables"):
        claims.claim([("y", "{v1}")], "b")
    claims.claim([("y", "z")], "b")
