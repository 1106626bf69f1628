"""Requests that cannot be read in one way only, or not at all."""

from __future__ import annotations

from policy.verdict import Refusal
from proxy.decoders.refusals import ambiguous, unsupported


class BadRequest(Exception):
    """Carries a refusal out of the functions that read a request."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal


def unclear(code: str, detail: str) -> BadRequest:
    """Return a refusal to raise that holds in every mode."""
    return BadRequest(ambiguous(code, detail))


def unreadable(code: str, detail: str) -> BadRequest:
    """Return a refusal to raise that obeys the mode."""
    return BadRequest(unsupported(code, detail))
