"""Refusals say whether they hold in every mode."""

from __future__ import annotations

from proxy.decoders.rest.bad_request import unclear, unreadable


def test_what_is_unclear_holds_in_every_mode() -> None:
    assert unclear("a", "b").refusal.every_mode
    assert not unreadable("a", "b").refusal.every_mode
    assert str(unclear("a", "the reason")) == "the reason"
