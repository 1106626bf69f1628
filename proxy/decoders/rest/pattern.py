"""Patterns of a mapping: regular expressions of which each character can be read in one way only.

Such a pattern is matched in one pass without ever going back, whatever the text: what repeats may not match what can
follow it, and no alternative begins another one. What is more than that is refused when the mapping is loaded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from policy.loading import invalid
from proxy.decoders.rest.template import NAME

LONGEST = 256
LONGEST_TEXT = 1024
"""Characters of a text that is matched; a longer one matches nothing."""
_MOST_REPEATS = 256
_ASCII = frozenset(map(chr, range(0x20, 0x7F)))
_OTHER = "\u0080"
"""Stands for every character beyond ASCII."""
_ALL = _ASCII | {_OTHER}
_CLASSES = {
    "d": frozenset("0123456789"),
    "w": frozenset(each for each in _ASCII if each.isalnum() or each == "_"),
}
_SPECIAL = frozenset("\\.+*?()[]{}|^$")
_REPEAT = re.compile(r"\{([0-9]{1,3})(?:(,)([0-9]{1,3})?)?\}")
_GROUP = re.compile(r"\(\?P<([^>]*)>|\(\?:|\(")


@dataclass(frozen=True)
class _Item:
    """One character that is matched, or a closed set of words."""

    first: frozenset[str]
    source: str
    least: int = 1
    repeats: bool = False
    closed: bool = False
    """It matches a closed set of texts."""


@dataclass
class _Reader:
    text: str
    place: int = 0
    names: list[str] = field(default_factory=list)
    items: list[_Item] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    """Names of groups that match a closed set of words."""

    def error(self, message: str, remedy: str) -> Exception:
        return invalid(f"{self.text[:60]!r}, at character {self.place + 1}: {message}", remedy)

    @property
    def rest(self) -> str:
        return self.text[self.place :]

    def read(self) -> None:
        while self.place < len(self.text):
            if self.text[self.place] == "(":
                self._group()
            else:
                self._add(self._repeated(*self._character()))

    def _add(self, item: _Item) -> None:
        self.items.append(item)
        self.pieces.append(item.source)

    def _group(self) -> None:
        found = _GROUP.match(self.text, self.place)
        if found is None or found[0] == "(":
            raise self.error("a group has neither a name nor the mark (?:", "write (?P<name>...) or (?:a|b)")
        name = found[1]
        if name is not None:
            if not NAME.fullmatch(name) or name in self.names:
                raise self.error(f"{name!r} is no name of its own for a group", "use a-z, 0-9 and _, each name once")
            self.names.append(name)
        self.place += len(found[0])
        self.pieces.append(found[0])
        start = len(self.items)
        words = self._words()
        if words is not None:
            self.items.append(_Item(frozenset(word[0] for word in words), "", closed=True))
            self.pieces.append("|".join(map(re.escape, words)))
        else:
            while not self.rest.startswith(")"):
                if not self.rest or self.rest[0] in "(|":
                    raise self.error("a group holds more than characters or words", "close it with ); no groups within")
                self._add(self._repeated(*self._character()))
        if len(self.items) == start:
            raise self.error("a group is empty", "remove it")
        if name is not None and all(item.closed for item in self.items[start:]):
            self.closed.append(name)
        self.place += 1
        self.pieces.append(")")
        if self.rest[:1] in {"?", "*", "+", "{"}:
            raise self.error("a group is repeated", "repeat single characters; write two routes for what is optional")

    def _words(self) -> list[str] | None:
        """Return the alternatives of a group that are plain words; None where it is no such group."""
        end = self.text.find(")", self.place)
        inner = self.text[self.place : end] if end >= 0 else ""
        if "|" not in inner:
            return None
        words = inner.split("|")
        for word in words:
            if not word or _SPECIAL & set(word):
                raise self.error("an alternative is empty or more than a plain word", "write words: (?:on|off)")
            if any(other.startswith(word) for other in words if other is not word):
                raise self.error(f"{word!r} begins another alternative", "make two routes of them")
        self.place = end
        return words

    def _character(self) -> tuple[frozenset[str], str]:
        character = self.text[self.place]
        self.place += 1
        match character:
            case "\\":
                return self._escape()
            case ".":
                return _ALL, "."
            case "[":
                return self._class()
            case _ if character in _SPECIAL:
                self.place -= 1
                raise self.error(
                    f"{character!r} cannot stand here",
                    f"write \\{character} for the character; patterns match the whole",
                )
            case _:
                return frozenset({character if character in _ASCII else _OTHER}), re.escape(character)

    def _escape(self) -> tuple[frozenset[str], str]:
        following = self.text[self.place : self.place + 1]
        if following in _CLASSES:
            self.place += 1
            return _CLASSES[following], f"\\{following}"
        if not following or following.isalnum() or following not in _ASCII:
            raise self.error("the escape is not known", r"use \d, \w, or \ before a sign that has a meaning")
        self.place += 1
        return frozenset({following}), re.escape(following)

    def _class(self) -> tuple[frozenset[str], str]:
        end = self.text.find("]", self.place + 1)
        inner = self.text[self.place : end] if end >= 0 else ""
        negated = inner.startswith("^")
        body = inner[1:] if negated else inner
        if not body or "\\" in body or "[" in body or not _ASCII.issuperset(body):
            raise self.error("the class is empty, not closed, or holds an escape", "write it like [A-Za-z0-9_.-]")
        found: set[str] = set()
        i = 0
        while i < len(body):
            if body[i + 1 : i + 2] == "-" and i + 2 < len(body):
                if body[i] > body[i + 2]:
                    raise self.error(f"the range {body[i : i + 3]} is empty", "write it from the lower to the higher")
                found.update(map(chr, range(ord(body[i]), ord(body[i + 2]) + 1)))
                i += 3
            else:
                found.add(body[i])
                i += 1
        self.place = end + 1
        source = "[" + ("^" if negated else "") + "".join(map(_in_class, sorted(found))) + "]"
        return (_ALL - found if negated else frozenset(found)), source

    def _repeated(self, first: frozenset[str], source: str) -> _Item:
        sign = self.rest[:1]
        if sign in {"?", "*", "+"} and sign:
            self.place += 1
            self._no_second()
            return _Item(first, f"{source}{sign}+", 1 if sign == "+" else 0, repeats=True)
        if sign != "{":
            return _Item(first, source, closed=len(first) == 1 and _OTHER not in first)
        found = _REPEAT.match(self.text, self.place)
        least = int(found[1]) if found else 0
        most = int(found[3]) if found and found[3] else (_MOST_REPEATS if found and found[2] else least)
        if found is None or not least <= most <= _MOST_REPEATS or most == 0:
            raise self.error("the repetition is not like {2} or {1,8}", f"repeat up to {_MOST_REPEATS} times")
        self.place += len(found[0])
        self._no_second()
        return _Item(first, f"{source}{{{least},{most}}}+", least, repeats=least != most)

    def _no_second(self) -> None:
        if self.rest[:1] in {"?", "*", "+", "{"} and self.rest:
            raise self.error("something is repeated twice", "repeat it once")

    def check(self) -> None:
        """See that no repetition can take what follows it.

        Raises:
            PydanticCustomError: one can.
        """
        follow: frozenset[str] = frozenset()
        for item in reversed(self.items):
            if item.repeats and not follow.isdisjoint(item.first):
                example = min(follow & item.first)
                raise invalid(
                    f"{self.text[:60]!r}: {example!r} after a repetition could be a part of it or what follows",
                    "exclude what follows from what is repeated, as in [^.]+[.].*",
                )
            follow = item.first if item.least else follow | item.first


def _in_class(character: str) -> str:
    return f"\\{character}" if character in "\\]^-[&~|" else character


class Pattern:
    """A compiled pattern; `groups` are the names of its groups in order.

    Raises:
        PydanticCustomError: the text is no pattern of this kind; the message tells the place.
    """

    def __init__(self, text: str) -> None:
        if not text or len(text) > LONGEST:
            raise invalid(f"{text[:40]!r} is not a pattern", f"write 1 to {LONGEST} characters")
        reader = _Reader(text)
        reader.read()
        reader.check()
        self.text = text
        self.groups = tuple(reader.names)
        self.closed = all(item.closed for item in reader.items)
        """It matches a few words that stand in it, and nothing else."""
        self.closed_groups = tuple(reader.closed)
        """The groups of which that is true."""
        self._match = re.compile("".join(reader.pieces), re.ASCII | re.DOTALL).fullmatch

    def match(self, text: str) -> dict[str, str] | None:
        """Return the groups of a text that matches as a whole; None for one that does not."""
        if len(text) > LONGEST_TEXT:
            return None
        found = self._match(text)
        return None if found is None else found.groupdict("")
