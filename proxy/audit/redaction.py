"""Keeps values out of the log that nobody is to read there, such as codes of door locks."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

import msgspec

from models.access import Access
from models.score import Named, Score
from policy.verdict import Verdict

MARKER = "[redacted]"
_TELLING = ("value_written", "value_low", "value_high")
"""Terms of a score that are values, or tell what is usual for them."""


def redacted(verdict: Verdict, types: AbstractSet[str]) -> Verdict:
    """Return a verdict without the values of these types, also not in its request.

    Args:
        verdict: As it was judged; it stays as it is.
        types: Service types and data types. A service's values are those of its nodes, and those that it writes; a
            data type's also those of the ones below it.
    """
    hidden = [not types.isdisjoint(_types(access)) for access in verdict.call.accesses]
    if not any(hidden):
        return verdict
    call = verdict.call
    accesses = tuple(
        [
            msgspec.structs.replace(each, value=MARKER) if hide and each.value is not None else each
            for each, hide in zip(call.accesses, hidden, strict=True)
        ]
    )
    secrets = {each.value for each, hide in zip(call.accesses, hidden, strict=True) if hide and each.value}
    scores = tuple(
        [
            _without_values(score) if hide else score
            for score, hide in zip(verdict.scores, hidden, strict=False)  # none where it was refused before
        ]
    )
    return msgspec.structs.replace(
        verdict,
        scores=scores,
        call=msgspec.structs.replace(
            call,
            accesses=accesses,
            request=_without_query(call.request),
            refusal=call.refusal
            and msgspec.structs.replace(call.refusal, detail=_without(call.refusal.detail, secrets)),
        ),
    )


def _types(access: Access) -> tuple[str | None, ...]:
    name = access.data_type
    # What a decoder of mappings adds to a data type, `/basic/text/name`, does not take it out of `/basic/text`.
    basic = None if name is None else name.rpartition("/")[0]
    return (name, basic, access.destination_type, access.source_type)


def _without_values(score: Score) -> Score:
    terms = {name: value for name, value in score.terms.items() if name not in _TELLING}
    return msgspec.structs.replace(score, evidence=Named(terms))


def _without_query(request: str) -> str:
    target, question, _ = request.partition("?")
    return f"{target}?{MARKER}" if question else target


def _without(text: str, secrets: AbstractSet[str]) -> str:
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, MARKER)
    return text
