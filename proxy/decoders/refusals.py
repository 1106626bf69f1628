"""Reasons for which a decoder refuses, in one table (`docs/refusals.md`)."""

from __future__ import annotations

from policy.verdict import Refusal

HTTP2 = "HTTP/2 is not spoken here; let the service use HTTP/1.1"
"""What the operator is told of a service that speaks it, wherever that shows."""


def ambiguous(code: str, detail: str) -> Refusal:
    """Return a refusal that holds in every mode: the call could mean two things, or is not the declared protocol."""
    return Refusal(code=code, detail=detail, every_mode=True)


def unsupported(code: str, detail: str) -> Refusal:
    """Return a refusal that obeys the mode: a legitimate call that this gateway cannot judge."""
    return Refusal(code=code, detail=detail, every_mode=False)
