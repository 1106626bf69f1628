"""The two kinds of refusal."""

from __future__ import annotations

from policy.verdict import Refusal
from proxy.decoders.refusals import ambiguous, unsupported


def test_what_is_ambiguous_is_refused_in_every_mode() -> None:
    assert ambiguous("ambiguous-body", "d") == Refusal(code="ambiguous-body", detail="d", every_mode=True)


def test_what_is_not_supported_obeys_the_mode() -> None:
    assert unsupported("unsupported-body", "d") == Refusal(code="unsupported-body", detail="d", every_mode=False)
