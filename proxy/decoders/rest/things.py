"""Makes a mapping document of Thing Descriptions: what a consumer of the Web of Things does becomes accesses.

The Thing is the service, `@type` its type; properties, actions and events are its nodes. Each Thing has its requests
to itself: a description can say nothing about the requests of another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from pydantic import ValidationError

from proxy.decoders.rest.mapping import MOST_ROUTES, MappingDocument, Route
from proxy.decoders.rest.thing_claims import Path, canonical
from proxy.decoders.rest.thing_description import Broken, DescriptionError, Scheme, Source, Thing, read_source
from proxy.decoders.rest.thing_forms import Place
from proxy.decoders.rest.thing_names import Named, claimed, name_things, sighted, sighted_paths
from proxy.decoders.rest.thing_paths import Claims
from proxy.decoders.rest.thing_routes import (
    ThingRoutes,
    TooMuch,
    is_open,
    reading,
    routes_of,
    shape,
    token_name,
    token_names,
)
from proxy.decoders.rest.thing_schema import TEXT
from proxy.thing_sighting import Sighting

WELL_KNOWN = "/.well-known/wot"
"""Where Things are introduced (WoT Discovery, section 6)."""
_WELL_KNOWN_PATH = tuple(WELL_KNOWN.split("/")[1:])
_ALL = "_all"
"""The service that all Things together are."""
_MOST_SCHEMES = 8
_MOST_TYPES = 16
"""Media types that are JSON under another name."""
_LARGEST_MAPPING = 4 * 1024 * 1024
"""About how many bytes it takes."""
_MOST_LINES = 100
"""Of what is told, of each kind."""
_NO_ROOM = f"all Things together may take {MOST_ROUTES} kinds of requests, and there is no room for it"
_REFUSAL = '{"title":"Forbidden","status":403,"detail":"{message}"}'
"""A problem document (RFC 9457), as the WoT profile wants errors."""


class ThingsError(Exception):
    """Descriptions cannot be used; `problems` has one line for each reason, with its remedy."""

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
    refused: tuple[str, ...]
    """Documents and Things that cannot be used at all, one line each, with the reason and the remedy."""
    problems: tuple[str, ...]
    """The same, what was left out of other Things, and what of values is not judged, one line each."""
    sightings: tuple[Sighting, ...] = ()
    """Of Things that were fetched; for the next time."""


def compile_things(
    sources: Sequence[Source],
    place: Place,
    *,
    listings: Iterable[tuple[str, ...]] = (),
    sightings: Sequence[Sighting] = (),
    now: float = 0.0,
) -> Compiled:
    """Return the mapping of all Things of an access point. What is wrong with one of them costs that one alone.

    Args:
        sources: The documents, in the order of the configuration.
        place: The access point.
        listings: Paths at which it lists its Things.
        sightings: What came of it the last time.
        now: Real time, seconds since the epoch.

    Raises:
        ThingsError: no mapping comes of it, which is not to be expected.
    """
    read: dict[Thing | Broken, Source] = {}
    refused: list[str] = []
    for source in sources:
        try:
            found = read_source(source, place)
        except DescriptionError as error:
            refused.append(f"{source.name}: {error} -- correct the Thing Description, or leave it out")
            continue
        refused += [f"{source.name}: {line} -- correct the description; it is left out" for line in found.broken]
        for entry in found.entries:
            read.setdefault(entry, source)
    names = name_things([(source, each) for each, source in read.items() if isinstance(each, Thing)], sightings, now)
    refused += names.refused
    own_paths = {named.described_at for named in names.named}
    everywhere = [path for path in dict.fromkeys([*listings, _WELL_KNOWN_PATH]) if path not in own_paths]
    made = _Mapping(everywhere)
    before = {each.service: each for each in sightings}
    by_thing: dict[Thing | Broken, Named] = {each.thing: each for each in names.named}
    known = [each for each in names.named if each.known]
    rest = [(by_thing.get(each, each), source) for each, source in read.items()]
    refused += made.put([each for each, source in rest if source.path is None], before)
    made.claims.reserve([(each.service, sighted_paths(each)) for each in names.gone])
    # What is claimed anew comes after what each of them had and still has.
    still = [
        (each.service, set(sighted_paths(before[each.service])) & {*claimed(each.thing, each.described_at)})
        for each in known
    ]
    made.claims.reserve(still)
    refused += made.put(known, before)
    new = [each for each, source in rest if source.path is not None and not (isinstance(each, Named) and each.known)]
    refused += made.put(new, before)
    return Compiled(
        made.document(),
        tuple(made.described),
        _shortly(refused),
        (*_shortly(refused), *_shortly(made.problems)),
        _sightings(names.named, names.gone, before, made),
    )


def _shortly(lines: Sequence[str]) -> tuple[str, ...]:
    more = len(lines) - _MOST_LINES
    return (*lines[:_MOST_LINES], f"and {more} more") if more > 0 else tuple(lines)


def _sightings(
    named: Sequence[Named], gone: Sequence[Sighting], before: Mapping[str, Sighting], made: _Mapping
) -> tuple[Sighting, ...]:
    in_force = {each.service for each in made.described}
    found = []
    for each in named:
        if each.source.path is None:
            continue
        if each.service in in_force:
            claims = claimed(each.thing, each.described_at)
            found.append(sighted(each, [path for path in claims if made.claims.holder(path) == each.service]))
        elif each.known:
            # Its new description cannot be used; what it had stays its own.
            found.append(before[each.service])
    return (*found, *gone)


class _Mapping:
    """Collects what makes a mapping document, Thing by Thing: all of one or nothing."""

    def __init__(self, listings: Sequence[tuple[str, ...]]) -> None:
        self.claims = Claims()
        self.claims.reserve([(_ALL, map(canonical, listings))])
        self.described: list[Described] = []
        self.problems: list[str] = []
        self._routes: list[tuple[int, Route]] = []
        self._size = 0
        self._tokens: dict[Scheme, None] = {}
        self._json_types: dict[str, None] = {}
        for path in listings:
            self._list_at(path)

    def _list_at(self, path: tuple[str, ...]) -> None:
        route = reading("the descriptions of all Things", path) | {"token": False, "everything": True}
        self._routes.append((1, Route.model_validate(route)))

    def put(self, entries: Sequence[Named | Thing | Broken], before: Mapping[str, Sighting]) -> list[str]:
        """Add Things, and return why some are left out; what these speak of is nobody else's all the same.

        Args:
            entries: Those that have no name, or cannot be used, too.
            before: By service, what was there before.
        """
        self.claims.reserve([_claims(each) for each in entries])
        refused = []
        for named in entries:
            if not isinstance(named, Named):
                continue
            try:
                self._add(named)
            except TooMuch as error:
                refused.append(f"{named.source.name}: {named.thing.title!r}: {error}; it is left out")
                if named.known:
                    # What was its own stays so, too.
                    self.claims.reserve([(named.service, sighted_paths(before[named.service]))])
        return refused

    def _add(self, named: Named) -> None:
        """Add what a Thing offers.

        Raises:
            TooMuch: there is no room for it, or it reaches for what is another one's; nothing of it was added.
        """
        if len(self._routes) >= MOST_ROUTES:
            raise TooMuch(_NO_ROOM)
        opened = dict.fromkeys(each.form.path for each in named.thing.interactions if is_open(each.form.path))
        closed = {path: self.claims.closed(canonical(path), named.service) for path in opened}
        found = routes_of(named.thing, named.service, {path: why for path, why in closed.items() if why is not None})
        own = {
            "token": token_names(found.tokens),
            "service": named.service,
            "type": named.thing.type,
            "node": "description",
            "data_type": TEXT,
        }
        path = named.described_at
        if path is not None and ("GET", shape(path)) not in found.requests:
            name = f"the description of {named.thing.title[:60]}"
            found.routes.append((1, Route.model_validate(reading(name, path) | own)))
            found.paths[path] = None
        self._require_room(found)
        self.claims.claim(found.paths, named.service)
        self._routes += found.routes
        self._size += found.size
        self._tokens.update(found.tokens)
        self._json_types.update(found.json_types)
        title, source = named.thing.title, named.source.name
        self.problems += [f"{source}: {title!r}: {problem}" for problem in found.problems]
        self.described.append(Described(named.service, title, named.thing.type, source, len(found.routes)))

    def _require_room(self, found: ThingRoutes) -> None:
        if len(self._routes) + len(found.routes) > MOST_ROUTES:
            raise TooMuch(_NO_ROOM)
        if self._size + found.size > _LARGEST_MAPPING:
            raise TooMuch("what all Things together allow is more than a mapping can hold")
        if len(self._tokens | found.tokens) > _MOST_SCHEMES:
            raise TooMuch(f"the Things want credentials in more than {_MOST_SCHEMES} places")
        if len(self._json_types | found.json_types) > _MOST_TYPES:
            raise TooMuch(f"the Things have more than {_MOST_TYPES} names for JSON")

    def document(self) -> MappingDocument:
        """Return everything as a mapping document.

        Raises:
            ThingsError: it makes none.
        """
        if not self._routes:
            self._list_at(_WELL_KNOWN_PATH)
        document: dict[str, Any] = {
            "name": "W3C Web of Things",
            "source": "https://www.w3.org/TR/wot-thing-description11/",
            "refusal": {"status": 403, "content_type": "application/problem+json", "body": _REFUSAL},
            "routes": [route for _, route in sorted(self._routes, key=lambda each: each[0])],
        }
        if self._tokens:
            document["token"] = [_token(scheme) for scheme in self._tokens]
        if self._json_types:
            document["content_types"] = {"json": list(self._json_types)}
        try:
            return MappingDocument.model_validate(document)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise ThingsError([f"the Things make no mapping: {place}: {first['msg']}"]) from error


def _claims(entry: Named | Thing | Broken) -> tuple[str, tuple[Path, ...]]:
    """Return who claims what; in words, where it is no service."""
    if isinstance(entry, Named):
        return entry.service, claimed(entry.thing, entry.described_at)
    if isinstance(entry, Thing):
        return f"{entry.title!r}, which is left out", entry.claims
    return "a Thing that is left out", entry.claims


def _token(scheme: Scheme) -> dict[str, Any]:
    found: dict[str, Any] = {"name": token_name(scheme), scheme.place: scheme.name}
    return found | {"scheme": scheme.prefix} if scheme.prefix is not None else found


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
