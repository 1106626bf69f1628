"""A path belongs to one Thing, also where another has a variable there."""

from __future__ import annotations

import pytest

from proxy.decoders.rest.thing_claims import Path
from proxy.decoders.rest.thing_paths import Claims
from proxy.decoders.rest.thing_routes import TooMuch

ON, DEEPER, BELOW = ("lamp", "on"), ("lamp", "on", "x"), ("lamp", "{}")


@pytest.mark.parametrize("other", [ON, ("Lamp", "on"), ("lamp", "ON", "")])
def test_what_is_the_same_belongs_to_who_claimed_it_first(other: Path) -> None:
    claims = Claims()
    claims.claim([ON], "a")
    claims.claim([ON, other], "a")
    with pytest.raises(TooMuch, match="which belongs to a"):
        claims.claim([DEEPER, other], "b")
    claims.claim([DEEPER], "c")
    assert (claims.holder(ON), claims.holder(DEEPER), claims.holder(("lamp",))) == ("a", "c", None)


def test_what_is_reserved_is_nobody_elses() -> None:
    claims = Claims()
    claims.claim([ON], "a")
    claims.reserve([("b", [ON, DEEPER])])
    with pytest.raises(TooMuch, match="belongs to b"):
        claims.claim([DEEPER], "a")
    claims.claim([ON], "a")


def test_a_variable_stands_only_where_all_is_ones_own() -> None:
    claims = Claims()
    claims.reserve([("greedy", [BELOW, ("{}", "on"), ("fan", "{}")]), ("lamp", [ON, BELOW])])
    assert "could be another Thing's" in str(claims.closed(BELOW, "greedy"))
    assert "begins with a variable" in str(claims.closed(("{}", "on"), "greedy"))
    assert claims.closed(BELOW, "lamp") is None
    assert claims.closed(("fan", "{}"), "greedy") is None
    # From now on, all of it is.
    with pytest.raises(TooMuch, match="belongs to lamp"):
        claims.claim([("lamp", "admin")], "greedy")
    claims.claim([("lamp", "admin")], "lamp")


def test_below_what_several_have_nobody_has_a_variable_and_what_it_is_for_is_ones_own_all_the_same() -> None:
    claims = Claims()
    history = ("things", "lamp", "history", "{}")
    claims.reserve([("lamp", [("things", "lamp", "on"), history]), ("fan", [("things", "fan", "on")])])
    assert claims.closed(history, "lamp") is not None
    with pytest.raises(TooMuch, match="belongs to lamp"):
        claims.claim([("things", "lamp", "history", "5")], "fan")


def test_a_variable_gives_way_to_what_is_there() -> None:
    claims = Claims()
    claims.reserve([("lamp", [ON])])
    claims.reserve([("greedy", [BELOW, ("lamp", "{}", "{}")])])
    claims.claim([DEEPER], "lamp")
    assert claims.closed(BELOW, "greedy") is not None
