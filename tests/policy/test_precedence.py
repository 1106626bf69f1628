"""Which setting applies, and where it stands."""

from __future__ import annotations

import pytest

from policy import precedence
from policy.document import PolicyDocument

POLICY = PolicyDocument.model_validate(
    {
        "mode": "monitor",
        "thresholds": {"alert": 3, "block": 6, "quarantine": 20},
        "service_types": {
            "/phone": {
                "mode": "enforce",
                "unknown_node": "forward",
                "thresholds": {"block": 9},
                "partners": {"/doorLock": {"thresholds": {"block": None, "quarantine": None}}},
            },
            "/tablet": {"mode": None, "thresholds": {"quarantine": None}},
        },
    }
)
PHONE = ("service_types", "/phone")
LOCK = (*PHONE, "partners", "/doorLock")


@pytest.mark.parametrize(
    ("service_type", "partner", "name", "place", "value"),
    [
        ("/phone", "/doorLock", "quarantine", (*LOCK, "thresholds", "quarantine"), None),
        ("/phone", "/doorLock", "block", (*PHONE, "thresholds", "block"), 9),
        ("/phone", "/lamp", "block", (*PHONE, "thresholds", "block"), 9),
        ("/phone", None, "quarantine", ("thresholds", "quarantine"), 20),
        ("/phone", "/doorLock", "alert", ("thresholds", "alert"), 3),
        ("/tablet", "/doorLock", "quarantine", ("service_types", "/tablet", "thresholds", "quarantine"), None),
        ("/lamp", "/doorLock", "block", ("thresholds", "block"), 6),
        (None, "/doorLock", "block", ("thresholds", "block"), 6),
    ],
)
def test_the_threshold_of_the_partner_comes_before_that_of_the_type_and_of_all(
    service_type: str | None, partner: str | None, name: str, place: tuple[str, ...], value: float | None
) -> None:
    assert precedence.threshold(POLICY, service_type, partner, name) == (place, value)


def test_what_a_type_says_comes_before_what_is_said_for_all() -> None:
    assert precedence.mode(POLICY, "/phone") == ((*PHONE, "mode"), "enforce")
    assert precedence.unknown_node(POLICY, "/phone") == ((*PHONE, "unknown_node"), "forward")


@pytest.mark.parametrize("service_type", ["/tablet", "/lamp", None])
def test_what_a_type_leaves_out_is_that_of_all(service_type: str | None) -> None:
    assert precedence.mode(POLICY, service_type) == (("mode",), "monitor")
    assert precedence.unknown_node(POLICY, service_type) == (("unknown_node",), "block")
