"""What a request does, as a part of data types: models learn data types, and look at no node.

A node like `/ha/lock.front/unlock` says what is done, but names an instance, so that nothing is learnt of it. What of
it stands in the mapping, or is one of a closed set, is the same at every site: `unlock` becomes a part of the data type
(`/untyped/unlock`). So who may lock may not unlock, and the number of data types is bounded by the mapping.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum, auto
from hashlib import blake2s

from proxy.decoders.rest.mapping import MappingDocument, Route
from proxy.decoders.rest.pattern import Pattern
from proxy.decoders.rest.template import Template

UNTYPED = "/untyped"
"""Stands for the data type where the mapping tells none."""
ANY = "_any"
"""Stands for a part of a node that may be anything."""
_LONGEST = 64
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]*(?:-[A-Za-z0-9_]+)*|_any")
_OTHER = re.compile(r"[^A-Za-z0-9]+")


class _Kind(Enum):
    """What is known of the values of a variable."""

    OPEN = auto()
    CLOSED = auto()
    DECIDING = auto()
    """Any, and what is done depends on it."""


class Function:
    """What a route, or one of its members, does: compiled from the template of its node."""

    def __init__(self, node: str, route: Route, mapping: MappingDocument) -> None:
        """Compile it.

        Args:
            node: The template, below the service.
            route: Whose it is.
            mapping: Whose closed sets count.
        """
        self._kinds, self._sets = _kinds(route, mapping)
        self._segments = _divided(Template(node, segments=True))
        told = {name for segment in self._segments for name, _ in segment}
        same = {name: each.variable for name, each in route.variables.items() if each.variable is not None}
        self._further = tuple(
            [
                name
                for name, variable in route.variables.items()
                if variable.decides and name not in told and same.get(name) not in told
            ]
        )
        self._fixed = None if self._varies() else self._filled({})

    def _varies(self) -> bool:
        names = [name for segment in self._segments for name, _ in segment if name]
        return bool(self._further) or any(self._kinds.get(name, _Kind.OPEN) is not _Kind.OPEN for name in names)

    def data_type(self, basic: str | None, variables: Mapping[str, str]) -> str | None:
        """Return the data type of an access.

        Args:
            basic: The mapping's data type; None where it tells none.
            variables: Those of the request.
        """
        function = self._fixed if self._fixed is not None else self._filled(variables)
        return f"{basic or UNTYPED}/{function}" if function else basic

    def _filled(self, variables: Mapping[str, str]) -> str:
        parts = [
            _named("".join([self._told(name, variables) if name else literal for name, literal in segment]))
            for segment in self._segments
        ]
        parts += [_class(variables[name]) for name in self._further]
        text = ".".join(parts)
        return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 8].rstrip('.-')}-{_digest(text, 6)}"

    def _told(self, name: str, variables: Mapping[str, str]) -> str:
        kind = self._kinds.get(name, _Kind.OPEN)
        if kind is _Kind.OPEN:
            return ANY
        value = variables[name]
        words = self._sets.get(name)
        return value if kind is _Kind.CLOSED and (words is None or value in words) else _class(value)


def _kinds(route: Route, mapping: MappingDocument) -> tuple[dict[str, _Kind], dict[str, frozenset[str]]]:
    """Return the kinds of a route's variables, and the closed sets of those with choices or in `vocabulary`."""
    kinds: dict[str, _Kind] = {}
    sets = {name: frozenset(words) for name, words in mapping.vocabulary.items() if name in route.all_variables}
    sets |= _choices(route)
    for name, variable in route.variables.items():
        pattern = None if variable.pattern is None else Pattern(variable.pattern)
        if pattern is not None:
            kinds |= dict.fromkeys(pattern.closed_groups, _Kind.CLOSED)
        if pattern is not None and pattern.closed:
            kinds[name] = _Kind.CLOSED
        elif variable.decides:
            kinds[name] = _Kind.DECIDING
    # Words of a pattern are all that there is, whatever else the vocabulary has under that name.
    sets = {name: words for name, words in sets.items() if kinds.get(name) is not _Kind.CLOSED}
    kinds = dict.fromkeys(sets, _Kind.CLOSED) | kinds
    # What is the same as another variable, letter for letter, has its kind.
    for name, variable in reversed(route.variables.items()):
        if variable.variable is not None and variable.case == "sensitive" and name in kinds:
            if kinds[name] is _Kind.CLOSED and name not in sets:
                sets.pop(variable.variable, None)
            kinds.setdefault(variable.variable, kinds[name])
            if name in sets:
                sets.setdefault(variable.variable, sets[name])
    return kinds, sets


def _choices(route: Route) -> dict[str, frozenset[str]]:
    """Return the variables of the path that have choices, and those that are the same as one of them."""
    found = {name: frozenset(each.choices) for name, each in route.ranges.items() if each.choices is not None}
    for name, variable in route.variables.items():
        if variable.variable in found and variable.case == "sensitive":
            found.setdefault(name, found[variable.variable])
    return found


def _divided(template: Template) -> list[list[tuple[str, str]]]:
    """Return the parts of a template, (variable, "") or ("", text), by the segments that they stand in."""
    if not template.text:
        return []
    segments: list[list[tuple[str, str]]] = [[]]
    for name, literal in template.parts:
        if name:
            segments[-1].append((name, ""))
            continue
        first, *others = literal.split("/")
        segments[-1].append(("", first))
        segments += [[("", each)] for each in others]
    return segments


def _named(segment: str) -> str:
    """Return a segment of a node in the alphabet of types; two different ones stay different."""
    if _WORD.fullmatch(segment):
        return segment
    made = _OTHER.sub("-", segment).strip("-")
    return f"{made}-{_digest(segment, 6)}" if made else _digest(segment, 6)


def _class(value: str) -> str:
    """Return one of 4,096 classes of values: the same everywhere, and bounded, whatever names a site has."""
    return _digest(value, 3)


def _digest(text: str, digits: int) -> str:
    # The x keeps it from looking like a serial number, which no type that leaves a site may have.
    return "x" + blake2s(text.encode("utf-8", "surrogatepass")).hexdigest()[:digits]
