"""The demonstration passes only if everything held."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tests.site.demo_wot_report import Attack, WotResult

GOOD = WotResult(
    things=4,
    attacks=[
        Attack("an unusual write", "/house/concierge1", at_first=True, refused=[True, True]),
        Attack("a flood", "/house/panel2", at_first=False, refused=[False] * 30 + [True] * 50),
    ],
    legitimate=200,
    wrongly_blocked=1,
    changed_by_attackers=[],
    observed=3,
    quarantined=["/house/panel2"],
    audit_intact=True,
)


def test_all_that_held_is_shown_and_nothing_fails() -> None:
    assert GOOD.failures() == []
    assert "at call 31" in GOOD.table()
    assert "wrongly blocked: 1 (0.50%)" in GOOD.table()


@pytest.mark.parametrize(
    "change",
    [
        {"things": 0},
        {"attacks": [Attack("x", "y", at_first=True, refused=[True, False])]},
        {"attacks": [Attack("x", "y", at_first=False, refused=[False])]},
        {"attacks": [Attack("x", "y", at_first=False, refused=[True, False])]},
        {"legitimate": 0},
        {"wrongly_blocked": 2},
        {"changed_by_attackers": ["lamp brightness"]},
        {"observed": 0},
        {"audit_intact": False},
    ],
)
def test_whatever_did_not_hold_is_a_failure(change: dict[str, Any]) -> None:
    assert len(dataclasses.replace(GOOD, **change).failures()) == 1
