"""Makes a mapping document of Thing Descriptions: what a consumer of the Web of Things does becomes accesses.

The Thing is the service, `@type` its type; properties, actions and events are its nodes. Each Thing has its requests
to itself: a description can say nothing about the requests of another one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from pydantic import ValidationError

from proxy.decoders.rest.mapping import MOST_OF_A_ROUTE, MOST_ROUTES, MappingDocument
from proxy.decoders.rest.thing_description import DescriptionError, Interaction, Scheme, Source, Thing, read_source
from proxy.decoders.rest.thing_forms import MEANINGS, Form, Place
from proxy.decoders.rest.thing_schema import TEXT

WELL_KNOWN = "/.well-known/wot"
"""Where Things are introduced (WoT Discovery, section 6)."""
DIRECTORY = "/wot/directory"
"""Service type of all Things together."""
_MOST_SCHEMES = 8
_JSON, _FORM = "application/json", "application/x-www-form-urlencoded"
_WITHOUT_BODY = frozenset({"GET", "DELETE"})
_REFUSAL = '{"title":"Forbidden","status":403,"detail":"{message}"}'
"""A problem document (RFC 9457), as the WoT profile wants errors."""


class ThingsError(Exception):
    """The descriptions cannot be used together; `problems` has one line for each reason, with its remedy."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Described(msgspec.Struct, frozen=True):
    """What came of one Thing."""

    service: str
    """The second segment of its address."""
    title: str
    service_type: str
    source: str
    requests: int
    """How many kinds of requests can be judged."""


class Compiled(msgspec.Struct, frozen=True):
    """What came of all descriptions."""

    mapping: MappingDocument
    things: tuple[Described, ...]
    problems: tuple[str, ...]
    """What was left out, one line each."""


class _Claims:
    """Which Thing each path belongs to."""

    def __init__(self) -> None:
        self._literal: dict[tuple[str, ...], str] = {}
        self._open: dict[tuple[str, ...], str] = {}
        """Paths with variables."""

    def owner(self, path: tuple[str, ...], service: str) -> str | None:
        """Let a path belong to a service; return the other service that it belongs to, if there is one."""
        known: str | None = self._literal.get(path)
        if known is not None:
            return known if known != service else None
        taken_paths = list(self._open.items())
        if _is_open(path):
            taken_paths += self._literal.items()
        for taken, other in taken_paths:
            if other != service and _overlap(path, taken):
                return other
        (self._open if _is_open(path) else self._literal)[path] = service
        return None


def _is_open(path: tuple[str, ...]) -> bool:
    return any(segment.startswith("{") for segment in path)


def _overlap(path: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return len(path) == len(other) and all(
        a == b or a.startswith("{") or b.startswith("{") for a, b in zip(path, other, strict=True)
    )


def compile_things(sources: Sequence[Source], place: Place, *, listings: Iterable[tuple[str, ...]] = ()) -> Compiled:
    """Return the mapping of all Things of an access point.

    Args:
        sources: The documents; of two Things with one title the earlier one has the name.
        place: The access point.
        listings: Paths at which it lists its Things.

    Raises:
        ThingsError: a document cannot be read, or two Things claim one path.
    """
    things: list[tuple[Source, Thing]] = []
    errors: list[str] = []
    for source in sources:
        try:
            found = sorted(read_source(source, place), key=lambda thing: (thing.id, thing.title))
        except DescriptionError as error:
            errors.append(f"{source.name}: {error} -- correct the Thing Description, or leave it out")
            continue
        things += [(source, thing) for thing in found if all(thing != other for _, other in things)]
    names = _names(things, errors)
    if errors:
        raise ThingsError(errors)
    routes = _Routes()
    for (source, thing), service in zip(things, names, strict=True):
        routes.add(source, thing, service)
    for (source, thing), service in zip(things, names, strict=True):
        if source.path is not None and sum(other is source for other, _ in things) == 1:
            routes.introduce(source.path, service, thing, source)
    for path in dict.fromkeys(listings):
        routes.list_at(path)
    routes.list_at(tuple(WELL_KNOWN.split("/")[1:]))
    if routes.errors:
        raise ThingsError(routes.errors)
    described = tuple(
        Described(service, thing.title, thing.type, source.name, routes.counted.get(service, 0))
        for (source, thing), service in zip(things, names, strict=True)
    )
    return Compiled(routes.document(), described, tuple(routes.problems))


def _names(things: Sequence[tuple[Source, Thing]], errors: list[str]) -> list[str]:
    """Return a name for each Thing, none twice."""
    names: list[str] = []
    for source, thing in things:
        name = thing.name
        if name in names and thing.id:
            name = f"{name}-{hashlib.sha256(thing.id.encode()).hexdigest()[:8]}"
        if name in names:
            errors.append(
                f"{source.name}: another Thing is called {thing.title!r} as well -- give either another title"
            )
        names.append(name)
    return names


class _Routes:
    """Collects the routes of a mapping document."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.problems: list[str] = []
        self.counted: dict[str, int] = {}
        self._claims = _Claims()
        self._taken: dict[tuple[Any, ...], tuple[str, str]] = {}
        self._written: set[tuple[Any, ...]] = set()
        self._routes: list[tuple[int, dict[str, Any]]] = []
        self._tokens: dict[Scheme, None] = {}
        self._json_types: dict[str, None] = {}

    def add(self, source: Source, thing: Thing, service: str) -> None:
        """Add what a Thing offers."""
        told = [f"{source.name}: {thing.title!r}: {problem}" for problem in thing.problems]
        self.problems += [f"{line}; left out" if "@type" not in line else line for line in told]
        for interaction in thing.interactions:
            form = interaction.form
            other = self._claims.owner(form.path, service)
            if other is not None:
                self.errors.append(
                    f"{source.name}: {thing.title!r} claims {form.written}, which belongs to {other}"
                    " -- each Thing needs paths of its own"
                )
                return
            self._interaction(source, thing, service, interaction)

    def _interaction(self, source: Source, thing: Thing, service: str, interaction: Interaction) -> None:
        form = interaction.form
        operation = MEANINGS[form.op].operation
        body = self._body(interaction, operation)
        if body is None:
            # Another form of the same request, in a format that can be judged, makes up for it.
            if not any(_same(form, other.form) and _kind(other) for other in thing.interactions):
                self.problems.append(
                    f"{source.name}: {thing.title!r}: {form.method} {form.written}: a body of {form.content_type}"
                    " cannot be judged; left out"
                )
            return
        key = (form.method, _shape(form.path), form.fixed, form.events)
        what = (operation, interaction.node)
        earlier = self._taken.setdefault(key, what)
        if earlier != what:
            self.problems.append(
                f"{source.name}: {thing.title!r}: {form.method} {form.written} is {_said(earlier)}, and cannot be"
                f" {_said(what)} as well; the latter is left out"
            )
            return
        if key in self._written:
            return
        self._written.add(key)
        route: dict[str, Any] = {
            "name": f"{_said(what)} of {thing.title[:60]}",
            # Consumers that poll ask by HEAD whether they may, before they do.
            "method": ["GET", "HEAD"] if form.lasting and form.method == "GET" else form.method,
            "path": form.written,
            "service": service,
            "type": thing.type,
            "operation": operation,
            "node": interaction.node,
            "query": {name: {} for name in form.parameters},
            "lasting": form.lasting,
            "when": {
                "query": dict(form.fixed),
                "headers": {"accept": "*text/event-stream*"} if form.events else {},
            },
        }
        self._put(form, service, route | body)
        if interaction.security.place != "none":
            self._tokens[interaction.security] = None

    def _put(self, form: Form, service: str, route: dict[str, Any]) -> None:
        # What has conditions comes before what has none, and what is fixed before what holds anything.
        rank = 2 * _is_open(form.path) + (not form.events and not form.fixed)
        self._routes.append((rank, route))
        self.counted[service] = self.counted.get(service, 0) + 1

    def _body(self, interaction: Interaction, operation: str) -> dict[str, Any] | None:
        """Return what a route says of the value; None where the body cannot be judged."""
        form = interaction.form
        if operation in {"get", "subscribe", "unsubscribe", "delete"}:
            return {"data_type": interaction.range.data_type}
        if not interaction.takes_input or form.method in _WITHOUT_BODY:
            return {}
        kind = _kind(interaction)
        if kind is None:
            return None
        if kind == "json" and form.content_type != _JSON:
            self._json_types[form.content_type] = None
        if not interaction.parts:
            return {"body": kind, "value": {"body": ""}} | interaction.range.keywords()
        members = {
            part.pointer: {"node": f"{interaction.node}/{part.node}"} | part.range.keywords()
            for part in interaction.parts[:MOST_OF_A_ROUTE]
        }
        return {"body": kind, "members": members}

    def introduce(self, path: tuple[str, ...], service: str, thing: Thing, source: Source) -> None:
        """Add that a Thing's description can be read."""
        if self._claims.owner(path, service) is not None:
            self.errors.append(f"{source.name}: its URL belongs to another Thing -- each needs paths of its own")
        elif ("GET", _shape(path), (), False) not in self._taken:
            self._taken["GET", _shape(path), (), False] = ("get", "description")
            route = {"service": service, "type": thing.type, "node": "description", "data_type": TEXT}
            self._routes.append((1, _reading(f"the description of {thing.title[:60]}", path) | route))

    def list_at(self, path: tuple[str, ...]) -> None:
        """Add that all descriptions can be read at a path, unless that belongs to one Thing."""
        key = ("GET", _shape(path), (), False)
        if key not in self._taken:
            self._taken[key] = ("get", "")
            self._routes.append((1, _reading("the descriptions of all Things", path) | {"everything": True}))

    def document(self) -> MappingDocument:
        """Return everything as a mapping document.

        Raises:
            ThingsError: it is larger than one can be.
        """
        routes = [route for _, route in sorted(self._routes, key=lambda each: each[0])]
        if len(routes) > MOST_ROUTES:
            raise ThingsError([f"the Things take {len(routes)} kinds of requests, more than {MOST_ROUTES}"])
        if len(self._tokens) > _MOST_SCHEMES:
            raise ThingsError([f"the Things want credentials in more than {_MOST_SCHEMES} places"])
        document: dict[str, Any] = {
            "name": "W3C Web of Things",
            "source": "https://www.w3.org/TR/wot-thing-description11/",
            "refusal": {"status": 403, "content_type": "application/problem+json", "body": _REFUSAL},
            "routes": routes,
        }
        if self._tokens:
            document["token"] = [_token(scheme) for scheme in self._tokens]
        if self._json_types:
            document["content_types"] = {"json": list(self._json_types)[:16]}
        try:
            return MappingDocument.model_validate(document)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise ThingsError([f"the Things make no mapping: {place}: {first['msg']}"]) from error


def _kind(interaction: Interaction) -> str | None:
    """Return what a mapping calls the body of a request; None for a format that cannot be judged."""
    content_type = interaction.form.content_type
    if content_type == _JSON or content_type.endswith("+json"):
        return "json"
    if content_type == _FORM and interaction.parts and all(part.pointer.count("/") == 1 for part in interaction.parts):
        return "form"
    return "text" if content_type == "text/plain" and not interaction.parts else None


def _same(form: Form, other: Form) -> bool:
    return (form.method, form.path, form.fixed, form.op) == (other.method, other.path, other.fixed, other.op)


def _shape(path: tuple[str, ...]) -> tuple[str, ...]:
    return tuple("{}" if segment.startswith("{") else segment for segment in path)


def _said(what: tuple[str, str]) -> str:
    return " ".join(what).strip()


def _reading(name: str, path: tuple[str, ...]) -> dict[str, Any]:
    return {"name": name, "method": "GET", "path": "/" + "/".join(path), "type": DIRECTORY, "operation": "get"}


def _token(scheme: Scheme) -> dict[str, Any]:
    if scheme.place == "header":
        return {"header": scheme.name, "scheme": scheme.prefix}
    return {scheme.place: scheme.name}


def changes(before: Sequence[Described], after: Sequence[Described]) -> list[str]:
    """Return what an operator should know of other descriptions, one line each: who is gone, new or something else."""
    old: Mapping[str, Described] = {thing.service: thing for thing in before}
    new: Mapping[str, Described] = {thing.service: thing for thing in after}
    lines = [f"{name} ({old[name].title}) is gone" for name in sorted(old.keys() - new.keys())]
    for name in sorted(old.keys() & new.keys()):
        if old[name].service_type != new[name].service_type:
            lines.append(f"{name} was of type {old[name].service_type}, and is of {new[name].service_type}")
        elif old[name].requests != new[name].requests:
            lines.append(f"{name} takes {new[name].requests} kinds of requests instead of {old[name].requests}")
    return lines + [f"{name} ({new[name].title}, {new[name].service_type}) is new" for name in sorted(new.keys() - old)]
