"""Clusters the paths that were called into templates: which segments are words of the interface, and which vary.

A tree over the segments of a fixed greatest depth, as Drain has one over the words of log lines (He et al., ICWS 2017);
a segment varies where many of its kind stand in one place with the same below them, as in the pattern trees for URLs of
Lei et al. (WWW 2010). Numbers, UUIDs and the like are taken for identifiers by their form.

Whoever calls random paths must not shape what is proposed. So only what several callers asked for, or one of them at
several times, counts, be it a path, or a parameter, header field or member of it; the rest is noise, told apart. And
what one caller alone called is no reason to take what several call by a name for something that varies. Every table is
bounded, and a caller who is alone with its paths has a share of it. The same calls in the same order give the same
templates.
"""

from __future__ import annotations

import re
import secrets
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import NamedTuple

from proxy.decoders.rest.unmatched import looks_secret
from proxy.drafting.backing import Backed, Backers
from proxy.drafting.naming import singular

DEEPEST = 16
"""Segments of a path; a longer one is noise."""
LONGEST_SEGMENT = 128
MOST_PATHS = 8192
MOST_ALONE = 512
"""Paths of one caller that nobody else called, and it itself only once."""
MOST_EXAMPLES = 5
_MOST_VALUES = 64
_SLOT_SECONDS = 600
"""Calls of one caller within that time count as one."""
_NAMES = 3
"""Different names in one place from which on it varies, each of several callers; words of plain letters: `_WORDS`."""
_WORDS = 12
_LONGEST_NAME = 28
_KEY = secrets.token_bytes(16)
"""Nobody can try out which credential a digest stands for; it ends with the process."""
_LIKE = 0.5
"""Least share that what stands below two segments must have in common."""


class Kind(StrEnum):
    """What a segment looks like."""

    NUMBER = "number"
    UUID = "uuid"
    MAC = "mac"
    HEX = "hex"
    OPAQUE = "opaque"
    """Long and without a meaning: it may be a credential."""
    NAME = "name"
    """Digits, capitals or signs in it, as in `light.kitchen` and `Kitchen_Light`."""
    WORD = "word"


_FORMS = (
    (Kind.NUMBER, re.compile(r"-?[0-9]{1,20}")),
    (Kind.UUID, re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")),
    (Kind.MAC, re.compile(r"[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5,7}(-[0-9a-fA-F]{2})?")),
    (Kind.HEX, re.compile(r"(?=.*[0-9])(0x)?[0-9a-fA-F]{6,32}")),
    (Kind.WORD, re.compile(r"[a-z]+|v[0-9]+")),
)
_WHOLE = re.compile(r"0|[1-9][0-9]{0,17}")
SECRET = frozenset({Kind.OPAQUE})
"""Kinds of which no value is kept."""
IDENTIFIERS = frozenset({Kind.NUMBER, Kind.UUID, Kind.MAC, Kind.HEX, Kind.OPAQUE})
"""Kinds that are taken for identifiers by their form alone."""


def kind_of(segment: str) -> Kind:
    """Return what a segment looks like."""
    found = next((kind for kind, form in _FORMS if form.fullmatch(segment)), Kind.NAME)
    return Kind.OPAQUE if found is Kind.NAME and looks_secret(segment) else found


class Seen(NamedTuple):
    """One call."""

    method: str
    segments: tuple[str, ...]
    """Of the path, as it stood in the target."""
    parameters: tuple[str, ...] = ()
    """Names of those of the query."""
    media_type: str = ""
    caller: str = ""
    time: float = 0.0
    """Real time, s since the epoch."""
    fields: tuple[str, ...] = ()
    """Names of header fields that a mapping may need, as `x-key`, `authorization:Bearer`, `cookie:NAME`."""
    members: tuple[tuple[str, str], ...] = ()
    """JSON pointers into the body, each with the kind of its value."""


@dataclass
class _Path:
    """What is known of one path, identifiers in it replaced by their kind."""

    calls: int = 0
    backers: Backers = field(default_factory=Backers)
    values: dict[int, Backed[str]] = field(default_factory=dict)
    """By place, the identifiers that stood there."""
    parameters: Backed[str] = field(default_factory=lambda: Backed(_MOST_VALUES))
    media_types: Backed[str] = field(default_factory=lambda: Backed(_MOST_VALUES))
    fields: Backed[str] = field(default_factory=lambda: Backed(_MOST_VALUES))
    members: Backed[tuple[str, str]] = field(default_factory=lambda: Backed(_MOST_VALUES))
    """JSON pointers, each with a kind of value that was there."""

    def note(self, seen: Seen, *, trusted: bool) -> None:
        """Take note of a call."""
        caller, time = seen.caller, int(seen.time // _SLOT_SECONDS)
        self.calls += 1
        self.backers.add(caller, time, trusted=trusted)
        for name in seen.parameters:
            self.parameters.add(name, caller, time, trusted=trusted)
        if seen.media_type:
            self.media_types.add(seen.media_type, caller, time, trusted=trusted)
        for name in seen.fields:
            self.fields.add(name, caller, time, trusted=trusted)
        for member in seen.members:
            self.members.add(member, caller, time, trusted=trusted)
        for place, value in enumerate(seen.segments):
            kind = kind_of(value)
            if kind in IDENTIFIERS:
                known = self.values.setdefault(place, Backed(_MOST_VALUES))
                known.add(f"#{hash_of(value)}" if kind in SECRET else value, caller, time, trusted=trusted)

    def merge(self, other: _Path) -> None:
        self.calls += other.calls
        self.backers.merge(other.backers)
        self.parameters.merge(other.parameters)
        self.media_types.merge(other.media_types)
        self.fields.merge(other.fields)
        self.members.merge(other.members)


class Variable(NamedTuple):
    """A segment that varies."""

    name: str
    kind: Kind
    distinct: int
    """Different values; `_MOST_VALUES` stands for that many or more."""
    examples: tuple[str, ...]
    """Those with the most callers first; none of a kind that may be a credential."""
    whole: bool = False
    """They are whole numbers from 0, in their one spelling."""
    odd: tuple[str, ...] = ()
    """Other spellings, of fewer callers."""


class Parameter(NamedTuple):
    """A parameter of the target that counts."""

    name: str
    callers: int
    """As many or more."""


@dataclass(frozen=True)
class Template:
    """Calls of one form."""

    method: str
    segments: tuple[str, ...]
    """Variables in braces."""
    variables: tuple[Variable, ...]
    calls: int
    callers: int
    """As many or more."""
    parameters: tuple[Parameter, ...]
    media_types: tuple[str, ...]
    fields: tuple[str, ...] = ()
    members: tuple[tuple[str, frozenset[str]], ...] = ()
    """By JSON pointer, which kinds of values were there."""
    seldom: tuple[str, ...] = ()
    """Parameters (`?name`), members (`/name`) and header fields that do not count, as one caller sent them once."""

    @property
    def text(self) -> str:
        """The path."""
        return "/" + "/".join(self.segments)


class Noise(NamedTuple):
    """What did not count."""

    calls: int
    paths: int
    by_caller: tuple[tuple[str, int], ...]
    """Paths of those who had the most, in falling order."""


class Vocabulary:
    """The paths that were called. Bounded; not thread-safe.

    Args:
        trusted: Callers whose word alone counts, as the operator says.
    """

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        self._trusted = frozenset(trusted)
        self._paths: OrderedDict[tuple[str, tuple[str, ...]], _Path] = OrderedDict()
        self._alone: dict[str, OrderedDict[tuple[str, tuple[str, ...]], None]] = {}
        """By caller, its paths that do not count yet, oldest first."""
        self._waiting: OrderedDict[tuple[str, tuple[str, ...]], str] = OrderedDict()
        """All of them with whose they are, oldest first."""
        self._dropped_calls = 0
        self._dropped: dict[str, int] = {}

    def __len__(self) -> int:
        """Return the number of paths that are kept."""
        return len(self._paths)

    def add(self, seen: Seen) -> None:
        """Take note of a call."""
        if len(seen.segments) > DEEPEST or any(len(each) > LONGEST_SEGMENT or "{" in each for each in seen.segments):
            self._drop(seen.caller, 1)
            return
        kinds = map(kind_of, seen.segments)
        shape = tuple(
            f"{{{kind}}}" if kind in IDENTIFIERS else each for kind, each in zip(kinds, seen.segments, strict=True)
        )
        key = seen.method, shape
        path = self._paths.get(key)
        if path is None:
            path = self._paths[key] = _Path()
            self._alone.setdefault(seen.caller, OrderedDict())[key] = None
            self._waiting[key] = seen.caller
            self._make_room(seen.caller)
        path.note(seen, trusted=seen.caller in self._trusted)
        if path.backers.counts and key in self._waiting:
            self._settle(key)

    def _make_room(self, caller: str) -> None:
        if len(self._alone[caller]) > MOST_ALONE:
            self._forget(next(iter(self._alone[caller])))
        elif len(self._paths) > MOST_PATHS:
            self._forget(next(iter(self._waiting)))

    def _settle(self, key: tuple[str, tuple[str, ...]]) -> str:
        """Have a path wait no longer; return whose it was."""
        caller = self._waiting.pop(key)
        del self._alone[caller][key]
        if not self._alone[caller]:
            del self._alone[caller]
        return caller

    def _forget(self, key: tuple[str, tuple[str, ...]]) -> None:
        self._drop(self._settle(key), self._paths.pop(key).calls)

    def _drop(self, caller: str, calls: int) -> None:
        self._dropped_calls += calls
        if caller in self._dropped or len(self._dropped) < MOST_ALONE:
            self._dropped[caller] = self._dropped.get(caller, 0) + 1

    def templates(self) -> tuple[list[Template], Noise]:
        """Return what is proposed, in the order of a mapping, and what did not count."""
        root = _Tree()
        for (method, shape), path in self._paths.items():
            if path.backers.counts:
                root.insert(shape, method, path)
        dropped = root.generalise()
        found = [each for segments, node, places in root.leaves() for each in _proposed(segments, node, places)]
        found.sort(key=lambda each: ([(part.startswith("{"), part) for part in each.segments], each.method))
        alone = [
            path
            for (method, shape), path in self._paths.items()
            if not path.backers.counts and not root.fits(shape, method)
        ]
        return found, self._noise([*dropped, *alone])

    def _noise(self, without: Sequence[_Path]) -> Noise:
        calls = self._dropped_calls + sum(path.calls for path in without)
        paths = sum(self._dropped.values()) + len(without)
        by_caller = dict(self._dropped)
        for path in without:
            for caller in path.backers.times:
                by_caller[caller] = by_caller.get(caller, 0) + 1
        ordered = sorted(by_caller.items(), key=lambda each: (-each[1], each[0]))
        return Noise(calls, paths, tuple(ordered[:MOST_EXAMPLES]))


def hash_of(value: str) -> str:
    """Return what tells two values apart without being one of them."""
    return blake2b(value.encode(), digest_size=4, key=_KEY).hexdigest()


@dataclass
class _Tree:
    """A place in the paths, with what may follow it."""

    below: dict[str, _Tree] = field(default_factory=dict)
    methods: dict[str, _Path] = field(default_factory=dict)
    values: Backed[str] = field(default_factory=lambda: Backed(_MOST_VALUES))
    """What stood in this place, where it varies."""
    kind: Kind | None = None
    """Of the values; None where it does not vary."""
    backers: Backers = field(default_factory=Backers)
    """Of all that is below."""

    def insert(self, shape: Sequence[str], method: str, path: _Path) -> None:
        node = self
        for place, segment in enumerate(shape):
            node = node.below.setdefault(segment, _Tree())
            node.backers.merge(path.backers)
            if segment.startswith("{"):
                node.kind = Kind(segment[1:-1])
                node.values.merge(path.values[place])
        node.methods.setdefault(method, _Path()).merge(path)

    def generalise(self) -> list[_Path]:
        """Let the places below that vary become variables, each with all that follows its values.

        Returns:
            What is left out, as only one caller has it beside what several have in that place.
        """
        for segment, node in sorted(self.below.items()):
            # An identifier of which only one was ever seen may be the only one there is.
            if node.kind is not None and node.kind not in SECRET and len(node.values) == 1:
                del self.below[segment]
                (value,) = node.values
                node.kind, node.values = None, Backed(_MOST_VALUES)
                self.below.setdefault(value, _Tree()).absorb(node)
        varying, left_out = self._varying()
        dropped = [path for segment in left_out for path in self.below.pop(segment).paths()]
        if varying:
            one = _Tree(kind=_common(self.below[each].kind or kind_of(each) for each in varying))
            for segment in varying:
                one.take(segment, self.below.pop(segment))
            for segment in self._further(one):
                one.take(segment, self.below.pop(segment))
            self.below["{}"] = one
        for _, node in sorted(self.below.items()):
            dropped += node.generalise()
        return dropped

    def _varying(self) -> tuple[list[str], list[str]]:
        """Return the segments below that are one variable, and those that are left out."""
        forms = [each for each, node in sorted(self.below.items()) if node.kind is not None]
        found = [each for each in forms if self.below[each].backers.several]
        for kind, enough in ((Kind.NAME, _NAMES), (Kind.WORD, _WORDS)):
            named = [each for each, node in sorted(self.below.items()) if node.kind is None and node.backers.several]
            alike = self._alike([each for each in named if kind_of(each) is kind])
            found += alike if len(alike) >= enough else []
        if not found:
            return forms, []
        return sorted(found), [each for each in forms if each not in found]

    def _further(self, one: _Tree) -> list[str]:
        """Return names that only one caller called, with nothing below that does not follow the others as well."""
        if one.kind is not Kind.NAME:
            return []
        alone = [each for each, node in sorted(self.below.items()) if not node.backers.several]
        return [each for each in alone if kind_of(each) is Kind.NAME and one.covers(self.below[each])]

    def _alike(self, segments: list[str]) -> list[str]:
        """Return the most of them that have much the same below them."""
        best: list[str] = []
        for first in segments:
            look = self.below[first].look
            group = [each for each in segments if _overlap(look, self.below[each].look) >= _LIKE]
            best = group if len(group) > len(best) else best
        return best

    @property
    def look(self) -> frozenset[str]:
        """What may follow directly, and with which methods one may end here: what several callers did, if anything."""
        found = {each: node.backers for each, node in self.below.items()}
        found |= {f" {method}": path.backers for method, path in self.methods.items()}
        return frozenset(each for each, backers in found.items() if backers.several) or frozenset(found)

    def covers(self, other: _Tree) -> bool:
        """Tell whether nothing follows another place that does not follow this one."""
        return self.methods.keys() >= other.methods.keys() and all(
            segment in self.below and self.below[segment].covers(node) for segment, node in other.below.items()
        )

    def paths(self) -> Iterator[_Path]:
        """Yield all that was called here and below."""
        yield from self.methods.values()
        for node in self.below.values():
            yield from node.paths()

    def take(self, segment: str, other: _Tree) -> None:
        """Take over a value, or all values of a kind, with what follows."""
        if other.kind is None:
            self.values.put(segment, other.backers)
        self.values.merge(other.values)
        self.absorb(other)

    def absorb(self, other: _Tree) -> None:
        """Take over what follows another place."""
        self.backers.merge(other.backers)
        for method, path in other.methods.items():
            self.methods.setdefault(method, _Path()).merge(path)
        for segment, node in other.below.items():
            mine = self.below.setdefault(segment, _Tree(kind=node.kind))
            mine.values.merge(node.values)
            mine.absorb(node)

    def leaves(self) -> Iterator[tuple[tuple[str, ...], _Tree, tuple[_Tree, ...]]]:
        """Yield each place where calls end, with the segments to it and the places on the way."""
        if self.methods:
            yield (), self, ()
        for segment, node in sorted(self.below.items()):
            for segments, leaf, places in node.leaves():
                yield (segment, *segments), leaf, (node, *places)

    def fits(self, shape: Sequence[str], method: str) -> bool:
        """Tell whether a call is one of a form that is proposed."""
        if not shape:
            return method in self.methods
        for segment in (shape[0], "{}"):
            node = self.below.get(segment)
            if node is not None and node.fits(shape[1:], method):
                return True
        return False


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one or other else 1.0


def _common(kinds: Iterable[Kind]) -> Kind:
    found = set(kinds)
    return found.pop() if len(found) == 1 else Kind.NAME


def _proposed(segments: tuple[str, ...], leaf: _Tree, places: tuple[_Tree, ...]) -> Iterator[Template]:
    named: list[str] = []
    variables: list[Variable] = []
    for segment, place in zip(segments, places, strict=True):
        if place.kind is None:
            named.append(segment)
            continue
        name = _name(named, place.kind, {each.name for each in variables})
        variables.append(_variable(name, place))
        named.append(f"{{{name}}}")
    for method, path in sorted(leaf.methods.items()):
        members: dict[str, set[str]] = {}
        for pointer, kind in path.members.counting:
            members.setdefault(pointer, set()).add(kind)
        seldom = [f"?{each}" for each in path.parameters.seldom]
        seldom += [pointer for pointer, _ in path.members.seldom if pointer not in members]
        yield Template(
            method=method,
            segments=tuple(named),
            variables=tuple(variables),
            calls=path.calls,
            callers=len(path.backers.times),
            parameters=tuple(
                Parameter(each, len(path.parameters[each].times)) for each in sorted(path.parameters.counting)
            ),
            # Where each was seen once, any is better than none.
            media_types=tuple(sorted(path.media_types.counting or path.media_types)),
            fields=tuple(sorted(path.fields.counting)),
            members=tuple((pointer, frozenset(kinds)) for pointer, kinds in sorted(members.items())),
            seldom=tuple(dict.fromkeys([*seldom, *path.fields.seldom])),
        )


def _variable(name: str, place: _Tree) -> Variable:
    values = [*place.values]
    shown = () if place.kind in SECRET else tuple(values[:MOST_EXAMPLES])
    plain = [each for each in values if _WHOLE.fullmatch(each)]
    odd = [each for each in values if each not in plain]
    whole = (
        place.kind is Kind.NUMBER
        and not any(place.values[each].several for each in odd)
        and len(_callers(place.values, plain)) >= max(len(_callers(place.values, odd)), 1)
    )
    distinct = min(len(values), _MOST_VALUES)
    return Variable(name, place.kind or Kind.NAME, distinct, shown, whole, tuple(odd[:MOST_EXAMPLES]) if whole else ())


def _callers(values: Backed[str], among: Iterable[str]) -> set[str]:
    return {caller for each in among for caller in values[each].times}


def _name(before: Sequence[str], kind: Kind, taken: set[str]) -> str:
    """Return a name for a variable: of what stands before it, one."""
    word = before[-1] if before and not before[-1].startswith("{") else str(kind)
    plain = re.sub(r"[^a-z0-9_]+", "_", singular(word).lower()).strip("_") or str(kind)
    plain = (plain if plain[0].isalpha() else f"v_{plain}")[:_LONGEST_NAME]
    if kind in SECRET:
        plain = "token"
    return plain if plain not in taken else f"{plain}_{len(taken) + 1}"
