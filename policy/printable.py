"""Names that come from the network, made fit for a person's screen."""

from __future__ import annotations

MAXIMUM_NAME = 96
"""Longest name or value in a sentence, in characters."""


def printable(text: str, length: int = MAXIMUM_NAME) -> str:
    """Return text that cannot move a cursor, hide what follows, or fill a screen."""
    safe = "".join(each if each.isprintable() else _escaped(each) for each in text[: length + 1])
    return safe if len(safe) <= length else f"{safe[: length - 3]}..."


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"  # noqa: PLR2004 - as in Python's own notation
