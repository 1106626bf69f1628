"""Reading calls that no route understood out of records of the audit log."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.drafting.observed import seen_in
from proxy.drafting.templates import Seen


def record(request: str, **other: Any) -> dict[str, Any]:
    return {
        "kind": "verdict",
        "time": "1970-01-01T01:00:00.000Z",
        "reason": "unknown-node",
        "accesses": [{"destination": "/hue/_unknown", "node": "/hue/_unknown/rest"}],
        "request": request,
        "sender": {"address": "/house/panel", "ip": "192.0.2.1"},
        **other,
    }


def test_path_names_and_media_type_are_kept_and_values_left_behind() -> None:
    found = seen_in(record("PUT /rest/items/A%20b?apikey=secret&x=1&x=2 (application/json)"))
    expected = Seen("PUT", ("rest", "items", "A b"), ("apikey", "x"), "application/json", "/house/panel", 3600.0)
    assert found == expected


def test_names_of_fields_and_members_are_read_and_what_is_none_of_them_is_not() -> None:
    fields = "accept:events, authorization:Bearer, x-key, no name"
    found = seen_in(record(f"PUT /a (application/json) with {fields}; body /on boolean, /b/c number, /d e"))
    assert found is not None
    assert found.media_type == "application/json"
    assert found.fields == ("accept:events", "authorization:Bearer", "x-key")
    assert found.members == (("/on", "boolean"), ("/b/c", "number"))


@pytest.mark.parametrize(
    "other",
    [
        record("GET /a", accesses=[]),
        record("GET /a", accesses=[{}]),
        record("GET /a", accesses=["x"]),
        record("GET /a", accesses=[{"destination": "/hue/light-1"}]),
        record("GET /a", accesses=[{"destination": "/shelly/_unknown"}]),
        record("GET /a", kind="start"),
        record("GET /a", time="yesterday"),
        record("GET /a", sender=None),
        record("HEAD /a"),
        record("not a request"),
        {"kind": "verdict"},
    ],
)
def test_anything_else_is_passed_over(other: dict[str, Any]) -> None:
    assert seen_in(other, agent="hue") is None
