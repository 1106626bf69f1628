"""How those who take part are called."""

from __future__ import annotations

from typing import get_args

import pytest

from proxy.federation.identity import NAME, Role, RoleName


@pytest.mark.parametrize("name", ["a", "site-a", "9", "gw1.example", "x" * 63])
def test_names_are_short_and_plain(name: str) -> None:
    assert NAME.fullmatch(name)


@pytest.mark.parametrize("name", ["", "A", "-a", ".a", "a b", "a/b", "../x", "ü", "x" * 64, "a\n"])
def test_other_names_are_none(name: str) -> None:
    assert not NAME.fullmatch(name)


def test_every_role_can_be_stored() -> None:
    assert set(get_args(RoleName)) == set(Role)
