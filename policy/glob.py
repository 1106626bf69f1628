"""Patterns for addresses and names: `*` within one part of a path, `**` over parts, `?` one character."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from policy.loading import invalid

WILDCARDS = frozenset("*?")
LONGEST = 256
_MOST_WILDCARDS = 8
"""Matching is linear in each; what a policy needs has one or two."""
_TOKENS = re.compile(r"\*\*|\*|\?|[^*?]+")


def pattern(text: str) -> str:
    """Return a pattern that can be used.

    Raises:
        PydanticCustomError: it is empty, too long, or has too many wildcards.
    """
    if not text or len(text) > LONGEST or text != text.strip():
        raise invalid(f"{text[:40]!r} is not a pattern", f"write 1 to {LONGEST} characters without blanks around them")
    if sum(token[0] in WILDCARDS for token in _TOKENS.findall(text)) > _MOST_WILDCARDS:
        raise invalid(f"{text[:40]!r} has too many wildcards", f"use at most {_MOST_WILDCARDS}, or several patterns")
    return text


def matcher(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Return what tells whether a text matches any of the patterns as a whole."""
    plain = frozenset(each for each in patterns if not WILDCARDS & set(each))
    wild = [each for each in patterns if each not in plain]
    if not wild:
        return plain.__contains__
    match = re.compile("|".join(f"(?:{_regex(each)})" for each in wild), re.DOTALL).fullmatch
    # Most texts do not even begin as a pattern does, and that is told faster.
    heads = tuple(re.split("[*?]", each, maxsplit=1)[0] for each in wild)
    return lambda text: text in plain or (text.startswith(heads) and match(text) is not None)


def _regex(text: str) -> str:
    parts = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(parts.get(token) or re.escape(token) for token in _TOKENS.findall(text))
