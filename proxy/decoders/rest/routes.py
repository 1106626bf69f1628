"""The routes of a mapping, compiled: which of them a request may be, and whether it is one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from proxy.decoders.rest.body import ABSENT, Body, Coverage, as_text
from proxy.decoders.rest.conditions import Check, check
from proxy.decoders.rest.mapping import Allowed, MappingDocument, Route, Variable, pointer_tokens
from proxy.decoders.rest.pattern import Pattern
from proxy.decoders.rest.target import Target
from proxy.decoders.rest.template import Template

_HOLE = re.compile(r"\{([^{}]*)\}")
_MOST_LISTED = 1024
"""Items of a list that are looked at; the decoder refuses far fewer."""


class Matched(msgspec.Struct, frozen=True):
    """A request that a route matched."""

    route: CompiledRoute
    variables: tuple[Mapping[str, str], ...]
    """Its variables; several sets where one of them is a list."""


@dataclass(frozen=True)
class _Source:
    """A further variable of a route."""

    name: str
    given: Variable
    tokens: tuple[str, ...]
    pattern: Pattern | None

    def take(self, known: dict[str, str], target: Target, body: Body) -> bool:
        """Add the variable and those of its pattern; false where it is not there or does not match."""
        value = self._found(known, target, body)
        return value is not None and self._take(known, value)

    def take_each(self, known: dict[str, str], body: Body) -> list[dict[str, str]] | None:
        """Return the variables with each item of a list; None where one of them is not what it should be."""
        value = body.at(self.tokens)
        if type(value) is not list or len(value) > _MOST_LISTED or not value:
            return None
        found: list[dict[str, str]] = []
        for item in value:
            each = dict(known)
            if not isinstance(item, str) or not self._take(each, str(item)):
                return None
            found.append(each)
        return found

    def _found(self, known: Mapping[str, str], target: Target, body: Body) -> str | None:
        given = self.given
        if given.variable is not None:
            return known[given.variable]
        if given.query is not None:
            return target.query.get(given.query, given.default)
        value = body.at(self.tokens)
        if value is ABSENT:
            return given.default
        return None if isinstance(value, dict | list) or value is None else as_text(value)

    def _take(self, known: dict[str, str], value: str) -> bool:
        if self.given.case == "insensitive":
            value = value.lower()
        known[self.name] = value
        if self.pattern is None:
            return True
        groups = self.pattern.match(value)
        if groups is None:
            return False
        known.update(groups)
        return True


class CompiledRoute:
    """A route, ready to be compared with requests."""

    def __init__(self, route: Route, mapping: MappingDocument) -> None:
        self.route = route
        self.segments = tuple([_literal(each, fold=mapping.case.path == "insensitive") for each in route.segments])
        self._places = tuple(
            [(each[1:-1], i) for i, each in enumerate(self.segments) if each.startswith("{") and "..." not in each]
        )
        last = self.segments[-1]
        self._rest = last[1:-4] if last.endswith("...}") else None
        fold = mapping.case.query == "insensitive"
        self._body_conditions = [(pointer_tokens(name), check(each)) for name, each in route.when.body.items()]
        self._query_conditions = [(_folded(name, fold=fold), check(each)) for name, each in route.when.query.items()]
        self._header_conditions = [(name, check(each)) for name, each in route.when.headers.items()]
        self._sources = [
            _Source(
                name,
                _with_folded(variable, fold=fold),
                pointer_tokens(variable.body or ""),
                None if variable.pattern is None else Pattern(variable.pattern),
            )
            for name, variable in route.variables.items()
        ]
        self.service = Template("_all" if route.service is None else route.service, segments=False)
        self._type_variables = tuple(_HOLE.findall(route.type))
        self._vocabulary = {name: frozenset(mapping.vocabulary[name]) for name in self._type_variables}
        self.parameters = frozenset(_folded(name, fold=fold) for name in route.parameters)
        self.coverage = Coverage(route.pointers)
        self.allowed_parameters = _allowed({_folded(name, fold=fold): each for name, each in route.query.items()})
        self.allowed_members = [(pointer_tokens(name), each) for name, each in _allowed(route.fields)]
        self.secrets = frozenset(token.path for token in mapping.tokens) & set(route.path_variables)
        self.looks_at_bodies = route.body != "none"

    def match(self, target: Target, headers: Mapping[str, str], body: Body) -> Matched | None:
        """Return the request's variables if this route is the one that it means; None otherwise."""
        for name, meets in self._query_conditions:
            value = target.query.get(name)
            if value is None or not meets(value):
                return None
        for name, meets in self._header_conditions:
            value = headers.get(name)
            if value is None or not meets(value):
                return None
        for tokens, meets in self._body_conditions:
            found = body.at(tokens)
            if found is ABSENT or not meets(as_text(found)):
                return None
        segments = target.segments
        known = {name: segments[i] for name, i in self._places}
        if self._rest is not None:
            known[self._rest] = "/".join(segments[len(self.segments) - 1 :])
        sets = self._with_sources(known, target, body)
        return None if sets is None else Matched(self, tuple(sets))

    def _with_sources(self, known: dict[str, str], target: Target, body: Body) -> list[dict[str, str]] | None:
        sets = [known]
        for source in self._sources:
            if source.given.many and type(body.at(source.tokens)) is list:
                listed = source.take_each(known, body)
                if listed is None:
                    return None
                sets = listed
            else:
                for each in sets:
                    if not source.take(each, target, body):
                        return None
        return sets

    def type_of(self, variables: Mapping[str, str]) -> str | None:
        """Return the type of the destination; None where a variable is not in its closed set."""
        text = self.route.type
        for name in self._type_variables:
            value = variables[name]
            if value not in self._vocabulary[name]:
                return None
            text = text.replace(f"{{{name}}}", value)
        return text


def _allowed(given: Mapping[str, Allowed]) -> list[tuple[str, Check]]:
    return [(name, check(each.like)) for name, each in given.items() if each.like is not None]


def _literal(segment: str, *, fold: bool) -> str:
    return segment.lower() if fold and not segment.startswith("{") else segment


def _with_folded(variable: Variable, *, fold: bool) -> Variable:
    if variable.query is None:
        return variable
    return variable.model_copy(update={"query": _folded(variable.query, fold=fold)})


def _folded(name: str, *, fold: bool) -> str:
    return name.lower() if fold else name


@dataclass
class _Branch:
    literals: dict[str, _Branch] = field(default_factory=dict)
    variable: _Branch | None = None
    ends: dict[str, list[int]] = field(default_factory=dict)
    rests: dict[str, list[int]] = field(default_factory=dict)


class Routes:
    """All routes of a mapping, found by the segments of a path: linear in the path, and bounded by the mapping."""

    def __init__(self, mapping: MappingDocument) -> None:
        self._compiled = tuple([CompiledRoute(route, mapping) for route in mapping.routes])
        self._root = _Branch()
        for i, compiled in enumerate(self._compiled):
            self._enter(i, compiled)

    def _enter(self, i: int, compiled: CompiledRoute) -> None:
        branch = self._root
        for segment in compiled.segments:
            if segment.endswith("...}") and segment.startswith("{"):
                for method in compiled.route.methods:
                    branch.rests.setdefault(method, []).append(i)
                return
            if segment.startswith("{"):
                if branch.variable is None:
                    branch.variable = _Branch()
                branch = branch.variable
            else:
                branch = branch.literals.setdefault(segment, _Branch())
        for method in compiled.route.methods:
            branch.ends.setdefault(method, []).append(i)

    def candidates(self, method: str, segments: tuple[str, ...]) -> tuple[CompiledRoute, ...]:
        """Return the routes of this path and method, in the order of the mapping."""
        found: list[int] = []
        branches = [self._root]
        for segment in segments:
            following: list[_Branch] = []
            for branch in branches:
                if segment:
                    found += branch.rests.get(method, ())
                    if branch.variable is not None:
                        following.append(branch.variable)
                literal = branch.literals.get(segment)
                if literal is not None:
                    following.append(literal)
            branches = following
            if not branches:
                break
        for branch in branches:
            found += branch.ends.get(method, ())
        return tuple([self._compiled[i] for i in sorted(found)])

    def secret_prefixes(self) -> frozenset[tuple[str | None, ...]]:
        """Return how paths begin up to a segment that is a credential: literals, and None for any segment."""
        found: set[tuple[str | None, ...]] = set()
        for compiled in self._compiled:
            for i, segment in enumerate(compiled.segments):
                if segment.startswith("{") and segment[1:-1].removesuffix("...") in compiled.secrets:
                    before = compiled.segments[:i]
                    found.add(tuple([None if each.startswith("{") else each for each in before]))
        return frozenset(found)
