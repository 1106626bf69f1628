"""What a request that a route matched does: its accesses, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from models.access import Access, Operation
from policy.verdict import Refusal, Sender
from proxy.decoders.refusals import unsupported
from proxy.decoders.rest.body import ABSENT, Body, as_text
from proxy.decoders.rest.conditions import problem
from proxy.decoders.rest.function import Function
from proxy.decoders.rest.mapping import Bounded, MappingDocument, pointer_tokens
from proxy.decoders.rest.routes import CompiledRoute, Matched
from proxy.decoders.rest.target import Target
from proxy.decoders.rest.template import Template
from proxy.registry import SiteRegistry

LONGEST_TOLD = 4096
"""Characters of a value; the default of `longest`, too."""
_ALL_IN_MEMBERS = frozenset({Operation.GET, Operation.SET})
"""What does nothing where none of the members is there."""
UNKNOWN = "_unknown"
"""The service that calls are to of which the mapping knows nothing."""


class _Part(msgspec.Struct, frozen=True):
    """One access that a route may have."""

    node: Template
    function: Function
    operation: Operation
    bounds: Bounded
    tokens: tuple[str, ...] | None = None
    """Where its value is in the body."""
    parameter: str | None = None
    variable: str | None = None
    text: str | None = None
    where: str = "the value"
    private: bool = False
    json: bool = False
    """The value is a member of a JSON body."""
    first: str | None = None
    """The member of a body that is an object, without which there is no value."""

    @property
    def has_value(self) -> bool:
        """Whether the route says where its value is."""
        return any(each is not None for each in (self.tokens, self.parameter, self.variable, self.text))

    def value(self, variables: Mapping[str, str], target: Target, body: Body) -> Any:
        """Return the value; `ABSENT` where there is none."""
        if self.tokens is not None:
            return body.at(self.tokens)
        if self.parameter is not None:
            return target.query.get(self.parameter, ABSENT)
        if self.variable is not None:
            return variables[self.variable]
        return ABSENT if self.text is None else self.text


_Given = tuple[_Part, str | None, str | None]
"""A part that a request has, its value as it is written down, and what is wrong with it."""


def told(text: str) -> str:
    """Return a value as models and the audit get it: of a very long one, its length."""
    return text if len(text) <= LONGEST_TOLD else f"<{len(text)} characters>"


def _is_told(own: _Part, given: list[_Given]) -> bool:
    """Say whether the accesses to the members tell all of what is done: where it is done to them, or below it."""
    if not given:
        # To set none of them sets nothing that is known, unless the route says itself what is set.
        bare = own.operation is Operation.SET and not own.has_value
        return bare or (not own.node.text and own.operation in _ALL_IN_MEMBERS)
    return not own.node.text or all(part.node.text.startswith(f"{own.node.text}/") for part, _, _ in given)


class Step(msgspec.Struct, frozen=True):
    """One access of a request, without who makes it and when."""

    destination: str
    mapped_type: str | None
    """The destination's type after the mapping."""
    node: str
    operation: Operation
    data_type: str | None
    value: str | None


class Plan(msgspec.Struct, frozen=True):
    """What a request does, whoever makes it."""

    steps: tuple[Step, ...] = ()
    """None where it does nothing, or no address can be made of it: a name in a template is empty or too long."""
    missing: Refusal | None = None
    """Why it does nothing."""
    out_of_range: Refusal | None = None
    too_many: Refusal | None = None


class AccessMaker:
    """Makes the accesses of requests to one access point."""

    def __init__(self, mapping: MappingDocument, agent: str, registry: SiteRegistry, most: int) -> None:
        self._agent = agent
        self._registry = registry
        self._most = most
        self._fold = mapping.case.query == "insensitive"
        self._booleans = frozenset(mapping.booleans)
        self._mapping = mapping
        self._parts: dict[int, tuple[_Part, tuple[_Part, ...]]] = {}

    def _parts_of(self, compiled: CompiledRoute) -> tuple[_Part, tuple[_Part, ...]]:
        known = self._parts.get(id(compiled))
        if known is None:
            known = self._parts[id(compiled)] = self._made(compiled)
        return known

    def _made(self, compiled: CompiledRoute) -> tuple[_Part, tuple[_Part, ...]]:
        route = compiled.route
        operation = Operation(route.operation)
        value = route.value
        own = _Part(
            node=Template(route.node, segments=True),
            function=Function(route.node, route, self._mapping),
            operation=operation,
            bounds=route,
            tokens=None if value is None or value.body is None else pointer_tokens(value.body),
            parameter=None if value is None or value.query is None else self._folded(value.query),
            variable=None if value is None else value.variable,
            text=None if value is None else value.text,
            private=value is not None and value.private,
            json=route.body == "json" and value is not None and value.body is not None,
        )
        members = tuple(
            [
                _Part(
                    node=Template(member.node, segments=True),
                    function=Function(member.node, route, self._mapping),
                    operation=operation,
                    bounds=member,
                    tokens=None if name.startswith("?") else pointer_tokens(name),
                    first=None if name.startswith("?") else next(iter(pointer_tokens(name)), None),
                    parameter=self._folded(name[1:]) if name.startswith("?") else None,
                    where=name,
                    private=member.private,
                    json=route.body == "json" and not name.startswith("?"),
                )
                for name, member in route.members.items()
            ]
        )
        return own, members

    def _folded(self, name: str) -> str:
        return name.lower() if self._fold else name

    def plan(self, matched: Matched, target: Target, body: Body) -> Plan:
        """Return what a request does."""
        own, members = self._parts_of(matched.route)
        given = self._all_given(own, members, target, body)
        if not given:
            detail = f"{matched.route.route.name!r} has none of its members in the request"
            return Plan(missing=unsupported("unknown-node", detail))
        count = len(matched.variables) * len(given)
        too_many = None
        if count > self._most:
            too_many = unsupported("too-many-nodes", f"the call touches {count} nodes, more than {self._most}")
        steps: list[Step] = []
        out_of_range = self._outside(matched.route, target, body) if matched.route.bounded else None
        for variables in matched.variables[: self._most]:
            service = matched.route.service.fill(variables)
            if service is None:
                return Plan()
            destination = f"/{self._agent}/{service}"
            mapped_type = matched.route.type_of(variables)
            if own.variable is not None:
                given = [self._given(own, variables[own.variable])]
            for part, value, wrong in given:
                below = part.node.fill(variables)
                if below is None:
                    return Plan()
                if wrong is not None and out_of_range is None:
                    out_of_range = unsupported("out-of-range", f"{part.where} of {destination} {wrong}")
                node = f"{destination}/{below}" if below else destination
                data_type = part.function.data_type(part.bounds.data_type, variables)
                steps.append(Step(destination, mapped_type, node, part.operation, data_type, value))
        return Plan(tuple(steps[: self._most]), out_of_range=out_of_range, too_many=too_many)

    def _outside(self, compiled: CompiledRoute, target: Target, body: Body) -> Refusal | None:
        """Return the refusal of something that is no access, and is out of its bounds."""
        for each in compiled.bounded:
            value = each.value(target, body)
            if value is ABSENT:
                continue
            text, json = as_text(value), each.tokens is not None and compiled.route.body == "json"
            wrong = problem(each.bounds, value, text, json=json, booleans=self._booleans)
            if wrong is not None:
                return unsupported("out-of-range", f"{each.name} {wrong}: {text[:48]!r}")
        return None

    def _all_given(self, own: _Part, members: tuple[_Part, ...], target: Target, body: Body) -> list[_Given]:
        """Return what of a route a request has; that is the same for each of its services."""
        if type(body.data) is dict:
            # Mappings have many more members than requests: most are not looked for any further.
            held = body.data
            members_there = [part for part in members if part.first is None or part.first in held]
        else:
            members_there = [*members]
        given = [
            self._given(part, value)
            for part, value in [(part, part.value({}, target, body)) for part in members_there]
            if value is not ABSENT
        ]
        if not members or not _is_told(own, given):
            # Else a toggle would not be told from another action with the same members.
            given.insert(0, self._given(own, own.value({}, target, body) if own.variable is None else ABSENT))
        return given

    def _given(self, part: _Part, value: Any) -> _Given:
        """Return a part with its value as it is written down, and what is wrong with it."""
        if value is ABSENT:
            return part, None, None
        text = as_text(value)
        wrong = problem(part.bounds, value, text, json=part.json, booleans=self._booleans)
        if part.private:
            return part, None, wrong
        return part, told(text), None if wrong is None else f"{wrong}: {text[:48]!r}"

    def accesses(self, steps: tuple[Step, ...], sender: Sender, now: int) -> tuple[Access, ...]:
        """Return the accesses of `sender` at event time `now` (ms); what the inventory knows of a service counts."""
        registry = self._registry
        source, source_type = sender.address, sender.service_type
        source_location = registry.location(source)
        found: list[Access] = []
        destination, service_type, location = "", None, None
        for step in steps:
            if step.destination != destination:
                destination = step.destination
                service_type = registry.service_type(destination) or step.mapped_type
                location = registry.location(destination)
            found.append(
                Access(
                    time=now,
                    source=source,
                    source_type=source_type,
                    source_location=source_location,
                    destination=destination,
                    destination_type=service_type,
                    destination_location=location,
                    node=step.node,
                    operation=step.operation,
                    data_type=step.data_type,
                    value=step.value,
                )
            )
        return tuple(found)

    def unknown(self, operation: Operation, place: str) -> Step:
        """Return what a call does of which the mapping knows nothing.

        Args:
            operation: What its method usually means.
            place: Its path without credentials, as segments of an address.
        """
        destination = f"/{self._agent}/{UNKNOWN}"
        return Step(destination, None, f"{destination}/{place}" if place else destination, operation, None, None)
