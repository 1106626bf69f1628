"""The routes of a mapping, compiled: which of them a request may be, and whether it is one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from proxy.decoders.rest.bad_request import unclear
from proxy.decoders.rest.body import ABSENT, Body, Coverage, as_text
from proxy.decoders.rest.conditions import Check, check, check_member
from proxy.decoders.rest.folding import folded
from proxy.decoders.rest.forms import NotCanonical, require_integer
from proxy.decoders.rest.mapping import Allowed, Bounded, MappingDocument, Route, Variable, pointer_tokens
from proxy.decoders.rest.pattern import Pattern
from proxy.decoders.rest.target import MOST_SEGMENTS, Target
from proxy.decoders.rest.template import Template

_HOLE = re.compile(r"\{([^{}]*)\}")
_MOST_LISTED = 1024
"""Items of a list that are looked at; the decoder refuses far fewer."""


class Matched(msgspec.Struct, frozen=True):
    """A request that a route matched."""

    route: CompiledRoute
    variables: tuple[Mapping[str, str], ...]
    """Its variables; several sets where one of them is a list."""


class Malformed(msgspec.Struct, frozen=True):
    """A request that is meant for a route, with a variable that is not what the route wants."""

    route: CompiledRoute
    variable: str


class _WrongVariable(Exception):
    """Carries the name of a variable that is there, and is not what it should be."""


@dataclass(frozen=True)
class _Source:
    """A further variable of a route."""

    name: str
    given: Variable
    tokens: tuple[str, ...]
    pattern: Pattern | None
    json: bool
    """It is a member of a JSON body, where numbers are numbers."""

    def take(self, known: dict[str, str], target: Target, body: Body) -> bool:
        """Add the variable and those of its pattern; false where it is not there.

        Raises:
            _WrongVariable: it is not what it should be.
            BadRequest: it is a number in another spelling than the one that counts.
        """
        given = self.given
        value: Any
        if given.variable is not None:
            value = known[given.variable]
        elif given.query is not None:
            value = target.query.get(given.query, ABSENT)
        else:
            value = body.at(self.tokens)
        if value is ABSENT:
            value = given.default
            if value is None:
                return False
            # What the mapping itself says is a text, also where members of the body are not.
            self._take(known, value)
            return True
        if isinstance(value, dict | list) or value is None:
            raise _WrongVariable
        if given.form == "integer":
            self._require_integer(value)
        self._take(known, as_text(value))
        return True

    def take_each(self, known: dict[str, str], body: Body) -> list[dict[str, str]]:
        """Return the variables with each item of a list; otherwise as `take`."""
        value = body.at(self.tokens)
        if len(value) > _MOST_LISTED or not value:
            raise _WrongVariable
        found: list[dict[str, str]] = []
        for item in value:
            each = dict(known)
            if self.given.form == "integer":
                self._require_integer(item)
            elif not isinstance(item, str):
                raise _WrongVariable
            self._take(each, str(item))
            found.append(each)
        return found

    def _require_integer(self, value: Any) -> None:
        try:
            require_integer(value, number=self.json)
        except NotCanonical as bad:
            code = "ambiguous-target" if self.given.body is None else "ambiguous-body"
            raise unclear(code, f"{self.name} {bad}") from None
        except ValueError:
            raise _WrongVariable from None

    def _take(self, known: dict[str, str], value: str) -> None:
        if self.given.case == "insensitive":
            value = folded(value)
        known[self.name] = value
        if self.pattern is None:
            return
        groups = self.pattern.match(value)
        if groups is None:
            raise _WrongVariable
        known.update(groups)


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
        self._body_conditions = [
            (pointer_tokens(name), check_member(each, json=route.body == "json"))
            for name, each in route.when.body.items()
        ]
        self._query_conditions = [(_folded(name, fold=fold), check(each)) for name, each in route.when.query.items()]
        self._header_conditions = [(name, check(each)) for name, each in route.when.headers.items()]
        self._sources = [
            _Source(
                name,
                _with_folded(variable, fold=fold),
                pointer_tokens(variable.body or ""),
                None if variable.pattern is None else Pattern(variable.pattern),
                json=variable.body is not None and route.body == "json",
            )
            for name, variable in route.variables.items()
        ]
        self.service = Template("_all" if route.service is None else route.service, segments=False)
        self._type_variables = tuple(_HOLE.findall(route.type))
        self._vocabulary = {name: frozenset(mapping.vocabulary[name]) for name in self._type_variables}
        self.parameters = frozenset(_folded(name, fold=fold) for name in route.parameters)
        self.coverage = Coverage(route.pointers)
        self.allowed_parameters = _allowed({_folded(name, fold=fold): each for name, each in route.query.items()})
        self.allowed_members = [
            (pointer_tokens(name), check_member(each.like, json=route.body == "json"))
            for name, each in route.fields.items()
            if each.like is not None
        ]
        self.bounded = _bounded(route, self._places, fold=fold)
        self.secrets = {token.path: i for i, token in enumerate(mapping.tokens) if token.path in route.path_variables}
        self.tokens = frozenset(i for i, token in enumerate(mapping.tokens) if route.takes(token))
        """Which of the mapping's credentials its requests may carry."""
        self.private_parameters = frozenset(_folded(name, fold=fold) for name in route.private_parameters)
        private = route.private_variables
        self.private_segments = frozenset(i for name, i in self._places if name in private)
        self.private_from = len(self.segments) - 1 if self._rest in private else MOST_SEGMENTS
        """Segments of the path from here on stay out of the audit."""
        self.looks_at_bodies = route.body not in {"none", "opaque"}

    def match(self, target: Target, headers: Mapping[str, str], body: Body) -> Matched | Malformed | None:
        """Return the request's variables if this route is the one that it means; None otherwise.

        Raises:
            BadRequest: a variable is a number in another spelling than the one that counts, in every mode.
        """
        if not self._means(target, headers, body):
            return None
        segments = target.segments
        known = {name: segments[i] for name, i in self._places}
        if self._rest is not None:
            known[self._rest] = "/".join(segments[len(self.segments) - 1 :])
        sets = [known]
        for source in self._sources:
            try:
                if source.given.many and type(body.at(source.tokens)) is list:
                    sets = source.take_each(known, body)
                elif not all(source.take(each, target, body) for each in sets):
                    return None
            except _WrongVariable:
                return None if source.given.selects else Malformed(self, source.name)
        return Matched(self, tuple(sets))

    def _means(self, target: Target, headers: Mapping[str, str], body: Body) -> bool:
        """Say whether all conditions of `when` hold."""
        for name, meets in self._query_conditions:
            value = target.query.get(name)
            if value is None or not meets(value):
                return False
        for name, meets in self._header_conditions:
            value = headers.get(name)
            if value is None or not meets(value):
                return False
        for tokens, meets in self._body_conditions:
            found = body.at(tokens)
            if found is ABSENT or not meets(found):
                return False
        return True

    def type_of(self, variables: Mapping[str, str]) -> str | None:
        """Return the type of the destination; None where a variable is not in its closed set."""
        text = self.route.type
        for name in self._type_variables:
            value = variables[name]
            if value not in self._vocabulary[name]:
                return None
            text = text.replace(f"{{{name}}}", value)
        return text


class Given(msgspec.Struct, frozen=True):
    """Something of a request that is no access, and has bounds."""

    bounds: Bounded
    name: str
    parameter: str | None = None
    tokens: tuple[str, ...] | None = None
    segment: int | None = None

    def value(self, target: Target, body: Body) -> Any:
        """Return it; `ABSENT` where it is not there."""
        if self.parameter is not None:
            return target.query.get(self.parameter, ABSENT)
        if self.tokens is not None:
            return body.at(self.tokens)
        return ABSENT if self.segment is None else target.segments[self.segment]


def _bounded(route: Route, places: Iterable[tuple[str, int]], *, fold: bool) -> tuple[Given, ...]:
    """Return what of a route's requests has bounds without being an access."""
    segments = dict(places)
    found = [Given(each, name, parameter=_folded(name, fold=fold)) for name, each in route.query.items()]
    found += [Given(each, name, tokens=pointer_tokens(name)) for name, each in route.fields.items()]
    found += [Given(each, name, segment=segments.get(name)) for name, each in route.ranges.items()]
    return tuple([each for each in found if each.bounds.bounds_values])


def _allowed(given: Mapping[str, Allowed]) -> list[tuple[str, Check]]:
    return [(name, check(each.like)) for name, each in given.items() if each.like is not None]


def _literal(segment: str, *, fold: bool) -> str:
    return folded(segment) if fold and not segment.startswith("{") else segment


def _with_folded(variable: Variable, *, fold: bool) -> Variable:
    if variable.query is None:
        return variable
    return variable.model_copy(update={"query": _folded(variable.query, fold=fold)})


def _folded(name: str, *, fold: bool) -> str:
    return folded(name) if fold else name


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

    def secret_prefixes(self) -> Mapping[tuple[str | None, ...], int]:
        """Return how paths begin up to a credential, and which it is: literals, and None for any segment."""
        found: dict[tuple[str | None, ...], int] = {}
        for compiled in self._compiled:
            for i, segment in enumerate(compiled.segments):
                token = compiled.secrets.get(segment[1:-1].removesuffix("...")) if segment.startswith("{") else None
                if token is not None:
                    before = compiled.segments[:i]
                    found.setdefault(tuple([None if each.startswith("{") else each for each in before]), token)
        return found
