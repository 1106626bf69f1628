"""The routes of one Thing: what each request that it takes is, and what of its values can be judged."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from pydantic import ValidationError

from proxy.decoders.rest.mapping import MOST_OF_A_ROUTE, Route
from proxy.decoders.rest.thing_claims import VARIABLE, Path
from proxy.decoders.rest.thing_description import DIRECTORY, Interaction, Scheme, Thing
from proxy.decoders.rest.thing_forms import MEANINGS, Form

_MOST_ROUTES = 400
"""Of one Thing, so that none takes the room of all."""
_LARGEST = 512 * 1024
"""About how many bytes they may take in a mapping."""
_MOST_SCHEMES = 4
_MOST_TYPES = 4
_ROUTE_SIZE = 256
_MOST_PROBLEMS = 20
_JSON, _FORM = "application/json", "application/x-www-form-urlencoded"
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+_-]{0,63}/[a-z0-9][a-z0-9.+_-]{0,63}")
_WITHOUT_BODY = frozenset({"GET", "DELETE"})
_WRITING = frozenset({"set", "invoke"})
_METHODS_OF: Mapping[str, frozenset[str]] = {
    "get": frozenset({"GET"}),
    "subscribe": frozenset({"GET"}),
    "unsubscribe": frozenset({"GET", "DELETE"}),
}
"""By which methods something is done that changes nothing of a Thing: any other may do more than its form says."""


def shape(path: Path) -> Path:
    """Return a path without the names of its variables."""
    return tuple(VARIABLE if segment.startswith("{") else segment for segment in path)


def is_open(path: Path) -> bool:
    """Tell whether a path has variables."""
    return any(segment.startswith("{") for segment in path)


class TooMuch(Exception):
    """A Thing takes more than there is for it; the text says of what."""


class ThingRoutes(msgspec.Struct):
    """What one Thing adds to a mapping."""

    routes: list[tuple[int, Route]] = []
    """With their rank: lower ones come first."""
    paths: dict[tuple[str, ...], None] = {}
    requests: set[tuple[str, tuple[str, ...]]] = set()
    """Method and shape of the path of those without conditions."""
    tokens: dict[Scheme, None] = {}
    """Where its consumers may have a credential: with its own requests, and with no others."""
    json_types: dict[str, None] = {}
    """Media types that are JSON under another name."""
    size: int = 0
    """About how many bytes it takes."""
    problems: list[str] = []
    """What was left out, or is not judged; one line each."""


_Key = tuple[str, tuple[str, ...], tuple[tuple[str, str], ...], bool]


def reading(name: str, path: tuple[str, ...]) -> dict[str, Any]:
    """Return a route by which something is read."""
    return {"name": name, "method": "GET", "path": "/" + "/".join(path), "type": DIRECTORY, "operation": "get"}


def token_name(scheme: Scheme) -> str:
    """Return what a mapping calls a place of credentials."""
    return hashlib.sha256(msgspec.json.encode(scheme)).hexdigest()[:16]


def token_names(schemes: Iterable[Scheme]) -> list[str] | bool:
    """Return which credentials a route takes, as it says it."""
    return [token_name(scheme) for scheme in schemes] or False


def routes_of(thing: Thing, service: str, closed: Mapping[Path, str] | None = None) -> ThingRoutes:
    """Return the routes of a Thing.

    Args:
        thing: What its description says.
        service: What it is called.
        closed: Why it may not have some paths; they are left out.

    Raises:
        TooMuch: they are more than one Thing may have.
    """
    making = _Making(thing, service, closed or {})
    if len(making.made.tokens) > _MOST_SCHEMES:
        raise TooMuch(f"it wants credentials in more than {_MOST_SCHEMES} places")
    for interaction in thing.interactions:
        making.add(interaction)
    return making.result()


class _Making:
    def __init__(self, thing: Thing, service: str, closed: Mapping[Path, str]) -> None:
        self._thing = thing
        self._service = service
        self._closed = closed
        schemes = [each.security for each in thing.interactions if each.security.place != "none"]
        self.made = ThingRoutes(tokens=dict.fromkeys(schemes))
        self._parameters = {scheme.name for scheme in self.made.tokens if scheme.place == "query"}
        self._problems: dict[str, None] = dict.fromkeys(
            problem if "@type" in problem else f"{problem}; left out" for problem in thing.problems
        )
        self._taken: dict[_Key, tuple[str, str]] = {}
        # Another form of the same request, in a format that can be judged, makes up for one that cannot.
        self._written: set[_Key] = set()
        self._judged = {_request(each.form) for each in thing.interactions if _kind(each) is not None}

    def result(self) -> ThingRoutes:
        if len(self.made.json_types) > _MOST_TYPES:
            raise TooMuch(f"it has more than {_MOST_TYPES} names for JSON")
        lines = list(self._problems)
        if len(lines) > _MOST_PROBLEMS:
            lines[_MOST_PROBLEMS:] = [f"and {len(lines) - _MOST_PROBLEMS} more"]
        self.made.problems = lines
        return self.made

    def add(self, interaction: Interaction) -> None:
        form, made = interaction.form, self.made
        operation = MEANINGS[form.op].operation
        if form.path in self._closed:
            self._tell(f"{form.method} {form.written}: {self._closed[form.path]}; left out")
            return
        if form.method not in _METHODS_OF.get(operation, {form.method}):
            self._tell(f"{form.method} {form.written}: {form.op} by {form.method} may do more than it says; left out")
            return
        writes = operation in _WRITING and interaction.takes_input and form.method not in _WITHOUT_BODY
        kind = _kind(interaction)
        if writes and kind is None:
            if _request(form) not in self._judged:
                self._tell(f"{form.method} {form.written}: a body of {form.content_type} cannot be judged; left out")
            return
        if not self._parameters.isdisjoint([*form.parameters, *(name for name, _ in form.fixed)]):
            self._tell(f"{form.method} {form.written}: a parameter of it is the Thing's credential as well; left out")
            return
        key = (form.method, shape(form.path), form.fixed, form.events)
        what = (operation, interaction.node)
        earlier = self._taken.setdefault(key, what)
        if earlier != what:
            self._tell(
                f"{form.method} {form.written} is {_said(earlier)}, and cannot be {_said(what)} as well;"
                " the latter is left out"
            )
            return
        if writes and kind == "json" and form.content_type != _JSON:
            made.json_types[form.content_type] = None
        if key not in self._written:
            self._put(interaction, what, kind if writes else None)
            self._written.add(key)

    def _put(self, interaction: Interaction, what: tuple[str, str], kind: str | None) -> None:
        form, made = interaction.form, self.made
        body = _body(interaction, what[0], kind)
        ranges = dict(form.ranges)
        size = sum(each.size for each in ranges.values())
        size += _ROUTE_SIZE + (sum(part.size for part in interaction.parts) if kind else 0) + interaction.range.size
        if len(made.routes) == _MOST_ROUTES or made.size + size > _LARGEST:
            raise TooMuch(f"it has more than {_MOST_ROUTES} kinds of requests, or they allow too many words")
        route: dict[str, Any] = {
            "name": f"{_said(what)} of {self._thing.title[:60]}"[:128],
            # Consumers that poll ask by HEAD whether they may, before they do.
            "method": ["GET", "HEAD"] if form.lasting and form.method == "GET" else form.method,
            "path": form.written,
            "token": token_names(made.tokens),
            "service": self._service,
            "type": self._thing.type,
            "operation": what[0],
            "node": interaction.node,
            "query": {name: ranges[name].keywords() if name in ranges else {} for name in form.parameters},
            "ranges": {name: ranges[name].keywords() for name, _ in form.variables if name in ranges},
            "lasting": form.lasting,
            "when": {
                "query": dict(form.fixed),
                "headers": {"accept": "*text/event-stream*"} if form.events else {},
            },
        }
        try:
            checked = Route.model_validate(route | body)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            self._tell(f"{form.method} {form.written}: no mapping can have it: {place}: {first['msg']}; left out")
            return
        if kind is not None:
            self._tell_unjudged(interaction)
        # What has conditions comes before what has none, and what is fixed before what holds anything.
        made.routes.append((2 * is_open(form.path) + (not form.events and not form.fixed), checked))
        made.paths[form.path] = None
        made.size += size
        if not form.fixed and not form.events:
            made.requests.add((form.method, shape(form.path)))

    def _tell_unjudged(self, interaction: Interaction) -> None:
        whole = [(interaction.node, interaction.range)]
        parts = [(f"{interaction.node}/{part.node}", part.range) for part in interaction.parts]
        for node, found in whole + parts:
            if found.unjudged:
                self._tell(f"{node}: values are not judged by {', '.join(found.unjudged)}")

    def _tell(self, line: str) -> None:
        self._problems[line] = None


def _body(interaction: Interaction, operation: str, kind: str | None) -> dict[str, Any]:
    """Return what a route says of the value."""
    if operation not in _WRITING:
        return {"data_type": interaction.range.data_type}
    if kind is None:
        return {}
    if not interaction.parts:
        return {"body": kind, "value": {"body": ""}} | interaction.range.keywords()
    members = {
        part.pointer: {"node": f"{interaction.node}/{part.node}"} | part.range.keywords()
        for part in interaction.parts[:MOST_OF_A_ROUTE]
    }
    return {"body": kind, "members": members}


def _kind(interaction: Interaction) -> str | None:
    """Return what a mapping calls the body of a request; None for a format that cannot be judged."""
    content_type = interaction.form.content_type
    if content_type == _JSON or (content_type.endswith("+json") and _MEDIA_TYPE.fullmatch(content_type)):
        return "json"
    if content_type == _FORM and interaction.parts and interaction.flat:
        return "form"
    return "text" if content_type == "text/plain" and not interaction.parts else None


def _request(form: Form) -> tuple[str, Path, tuple[tuple[str, str], ...], str]:
    return form.method, form.path, form.fixed, form.op


def _said(what: tuple[str, str]) -> str:
    return " ".join(what).strip()
