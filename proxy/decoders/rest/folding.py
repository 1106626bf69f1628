"""Upper and lower case of ASCII alone: what other letters become differs from server to server."""

from __future__ import annotations


def folded(text: str) -> str:
    """Return a text with its ASCII letters in lower case."""
    return text.lower() if text.isascii() else "".join([each.lower() if each.isascii() else each for each in text])
