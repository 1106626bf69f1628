"""Templates of a mapping: text with `{variables}`, filled so that no two sets of values give the same name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from policy.loading import invalid

LONGEST = 256
LONGEST_FILLED = 512
MOST_VARIABLES = 8
NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_PART = re.compile(r"\{([^{}]*)\}|([^{}]+)|[{}]")
_LITERAL = re.compile(r"[A-Za-z0-9._:-]+(?:/[A-Za-z0-9._:-]+)*|")
_PLAIN = re.compile(r"[A-Za-z0-9._:-]+")
_OTHER = re.compile(r"[^A-Za-z0-9._:-]")
_DOTS = frozenset({".", ".."})
_REMEMBERED = 4096


@lru_cache(_REMEMBERED)
def escaped(value: str, also: str = "") -> str:
    """Return a value in the alphabet of addresses: everything else, and the characters `also`, as `%XX` of its UTF-8.

    Different values stay different, and none becomes a dot segment.
    """
    if value in _DOTS:
        return value.replace(".", "%2E")
    if not also and _PLAIN.fullmatch(value):
        return value
    text = _OTHER.sub(_percent, value)
    for character in also:
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def _percent(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "surrogatepass"))


class Template:
    """A compiled template of one or, with slashes, several segments of an address.

    What separates two variables is escaped in their values: `{a}-{b}` is never the same for two pairs of values.

    Raises:
        PydanticCustomError: the text is no template.
    """

    def __init__(self, text: str, *, segments: bool) -> None:
        if len(text) > LONGEST:
            raise invalid(f"{text[:40]!r} is too long", f"use up to {LONGEST} characters")
        self.text = text
        parts: list[tuple[str, str]] = []
        for found in _PART.finditer(text):
            name, literal = found[1], found[2]
            if name is not None:
                if not NAME.fullmatch(name):
                    raise invalid(f"{{{name}}} is no variable", "write a name of a-z, 0-9 and _ between the braces")
                if parts and parts[-1][0]:
                    raise invalid(
                        f"{{{parts[-1][0]}}}{{{name}}} could be divided in several ways", "put text between them"
                    )
                parts.append((name, ""))
            elif literal is None:
                raise invalid(f"{text!r} has a brace without its other half", "write variables as {name}")
            else:
                parts.append(("", literal))
        self.variables = tuple(name for name, _ in parts if name)
        self._check(parts, segments=segments)
        self._also = self._separators(parts)
        self._parts = tuple(parts)

    def _check(self, parts: list[tuple[str, str]], *, segments: bool) -> None:
        plain = "".join(literal or "x" for _, literal in parts)
        if not _LITERAL.fullmatch(plain) or (not segments and "/" in plain):
            allowed = "letters, digits, . _ : - and {variables}"
            raise invalid(
                f"{self.text!r} is no {'path of an address' if segments else 'segment of an address'}",
                f"use {allowed}{', with single slashes between segments' if segments else ''}",
            )
        if not _DOTS.isdisjoint(plain.split("/")):
            raise invalid(f"{self.text!r} has a dot segment", "remove it")
        if len(self.variables) > MOST_VARIABLES or len(set(self.variables)) != len(self.variables):
            raise invalid(f"{self.text!r} has too many variables", f"use each once, and at most {MOST_VARIABLES}")

    def _separators(self, parts: list[tuple[str, str]]) -> str:
        """Return the characters that end a variable before another one; `/` is escaped anyway."""
        found: dict[str, None] = {}
        for i, (name, _) in enumerate(parts):
            if name and i + 2 < len(parts):
                separator = parts[i + 1][1][0]
                if separator.isalnum():
                    raise invalid(
                        f"{self.text!r} could be divided in several ways", "put one of . _ : - after each variable"
                    )
                found[separator] = None
        return "".join(each for each in found if each != "/")

    def fill(self, values: Mapping[str, str]) -> str | None:
        """Return the text with its variables; None where one of them is empty, or the whole too long for an address."""
        if not self.variables:
            return self.text
        text = ""
        for name, literal in self._parts:
            if not name:
                text += literal
                continue
            value = values[name]
            if not value:
                return None
            # What begins with an underscore is reserved for names that no middleware gives.
            if not text and value[0] == "_":
                text = "%5F" + escaped(value[1:], self._also)
            else:
                text += escaped(value, self._also)
        return text if len(text) <= LONGEST_FILLED else None
