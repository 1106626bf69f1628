"""Thing Descriptions of the W3C Web of Things, TD 1.0 and 1.1: what a Thing is, and the requests that it takes.

What cannot be judged is left out, and told: calls there are calls to an unknown node.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

import msgspec
from pydantic import ValidationError

from proxy.decoders.rest.headers import HARMLESS
from proxy.decoders.rest.mapping import OVERRIDES, Token
from proxy.decoders.rest.thing_claims import Path, claims_of
from proxy.decoders.rest.thing_forms import Form, Place, path_of, read_forms, texts
from proxy.decoders.rest.thing_schema import NotUnderstood, Part, Range, read_parts, read_range, segment
from proxy.decoders.strict_json import NotStrictJson, parse

LARGEST = 1024 * 1024
"""Bytes of a description, or of a list of them."""
MOST_THINGS = 256
_MOST_AFFORDANCES = 512
_MOST_FORMS = 4096
"""Of one Thing; node-wot writes one for each address, name and content type."""
_MOST_CONTEXTS = 64
_LONGEST_BASE = 256
"""Characters: each form is resolved against it."""
_MOST_PROBLEMS = 20
UNTYPED = "/wot/thing"
"""Service type of a Thing that does not say what it is."""
DIRECTORY = "/wot/directory"
"""Service type of all Things together."""
_NAMESPACE = "/wot"
"""How the types of all Things begin, whatever they say: no description names a type of another middleware."""
_RESERVED = HARMLESS | OVERRIDES | {"origin", "range", "referer", "date", "pragma", "prefer", "via", "warning"}
"""Header fields that have a meaning of their own; the mapping refuses those that the gateway writes."""
_RESERVED_BEGINNINGS = ("accept-", "access-control-", "content-", "if-", "proxy-", "sec-", "x-forwarded-")
_OWN_TYPES = frozenset({"Thing", "tm:ThingModel"})
_TYPE_PART = re.compile(r"[^A-Za-z0-9._:-]+")
_LONGEST_TYPE = 200
_SINGULAR = {"properties": "property", "actions": "action", "events": "event"}
_NODES_OF_ALL = {"queryallactions": "actions", "subscribeallevents": "events", "unsubscribeallevents": "events"}
_DEFAULT_OPS = {"actions": ["invokeaction"], "events": ["subscribeevent", "unsubscribeevent"]}


class DescriptionError(ValueError):
    """A description that cannot be used at all; the text says why."""


class Scheme(msgspec.Struct, frozen=True):
    """How a Thing knows its consumers: where a request has the credential."""

    place: str
    """`none`, `header`, `query` or `cookie`."""
    name: str = ""
    prefix: str | None = None
    """What stands before it in the header field."""


class Interaction(msgspec.Struct, frozen=True):
    """One request of a Thing and the node that it is about."""

    node: str
    form: Form
    range: Range
    parts: tuple[Part, ...]
    takes_input: bool
    """The request has a body."""
    flat: bool
    """No value is within another one of them."""
    security: Scheme


class Thing(msgspec.Struct, frozen=True):
    """What a description says."""

    title: str
    id: str
    type: str
    interactions: tuple[Interaction, ...]
    problems: tuple[str, ...]
    """What was left out, and why; one line each."""
    claims: tuple[Path, ...] = ()
    """Every path that it speaks of, also for what was left out (`thing_claims`)."""

    @property
    def name(self) -> str:
        """Its title as a segment of an address."""
        return _name(self.title)


class Broken(NamedTuple):
    """What should be a Thing and cannot be used."""

    problem: str
    claims: tuple[Path, ...]
    """Every path that it speaks of."""


class Found(NamedTuple):
    """What came of one document."""

    entries: list[Thing | Broken]
    """In its order."""

    @property
    def things(self) -> list[Thing]:
        """Those that can be used."""
        return [each for each in self.entries if isinstance(each, Thing)]

    @property
    def broken(self) -> list[str]:
        """Why others cannot be used; one line each."""
        return [each.problem for each in self.entries if isinstance(each, Broken)]


class Source(NamedTuple):
    """One document with descriptions."""

    name: str
    """The file, or the URL."""
    content: bytes
    path: tuple[str, ...] | None = None
    """Of its URL, as `thing_forms.path_of` gives it; None for a file."""


def read_source(source: Source, place: Place) -> Found:
    """Return the Things that a document describes; what is wrong with one of them costs that one alone.

    Args:
        source: One description, or a list of them.
        place: The access point in front of which the gateway stands.

    Raises:
        DescriptionError: it describes none, or is larger than it may be.
    """
    documents = read_json(source.content)
    if isinstance(documents, dict):
        documents = [documents]
    if documents == []:
        raise DescriptionError("it describes no Thing")
    if not isinstance(documents, list):
        raise DescriptionError("it is neither a Thing Description nor a list of them")
    if len(documents) > MOST_THINGS:
        raise DescriptionError(f"it describes more than {MOST_THINGS} Things")
    base = source.name if source.path is not None else place.root
    entries: list[Thing | Broken] = []
    for each in documents:
        claims = claims_of(each, base, place)
        try:
            entries.append(msgspec.structs.replace(_thing(each, base, place), claims=claims))
        except DescriptionError as error:
            entries.append(Broken(str(error), claims))
    return Found(entries)


def read_listing(content: bytes, url: str, place: Place) -> list[str] | None:
    """Return the URLs of the descriptions that a server lists; None where a document is no such list.

    Raises:
        DescriptionError: it is larger than it may be, or one of them is not at the access point.
    """
    document = read_json(content)
    if not isinstance(document, list) or not document or not all(isinstance(each, str) for each in document):
        return None
    if len(document) > MOST_THINGS:
        raise DescriptionError(f"it lists more than {MOST_THINGS} Things")
    try:
        found = [urljoin(url, each) for each in document]
        here = [each for each in found if place.holds(urlsplit(each)) and path_of(urlsplit(each))]
    except ValueError as error:
        raise DescriptionError(f"what it lists cannot be fetched: {error}") from error
    if not here:
        raise DescriptionError("nothing that it lists is at the access point")
    return sorted(dict.fromkeys(here))


def read_json(content: bytes) -> Any:
    """Parse a description.

    Raises:
        DescriptionError: it is too large, or no JSON that all read alike.
    """
    if len(content) > LARGEST:
        raise DescriptionError(f"it is larger than {LARGEST} bytes")
    try:
        return parse(content)
    except NotStrictJson as error:
        raise DescriptionError(str(error)) from error


class _Affordance(NamedTuple):
    """What a property, an action or an event is about."""

    node: str
    range: Range
    parts: tuple[Part, ...]
    takes_input: bool


class _Reader:
    """Reads one description; collects what is left out."""

    def __init__(self, document: Mapping[str, Any], base: str, place: Place) -> None:
        given = document.get("base")
        if isinstance(given, str) and len(given) > _LONGEST_BASE:
            raise DescriptionError(f"its base is longer than {_LONGEST_BASE} characters")
        try:
            resolved = urljoin(base, given) if isinstance(given, str) else base
        except ValueError as error:
            raise DescriptionError("its base is no URL") from error
        self._document = document
        self._base = resolved
        self._place = place
        self._forms = 0
        self.problems: dict[str, None] = {}
        self._ways = _mapping(document.get("securityDefinitions"))
        self._variables = _mapping(document.get("uriVariables"))

    def interactions(self) -> Iterator[Interaction]:
        """Yield every request that can be judged."""
        parts: list[Part] = []
        named: set[str] = set()
        for section, one in _SINGULAR.items():
            affordances = _mapping(self._document.get(section))
            if len(affordances) > _MOST_AFFORDANCES:
                raise DescriptionError(f"it has more than {_MOST_AFFORDANCES} {section}")
            for name, affordance in affordances.items():
                where = f"{one} {name[:40]!r}"
                try:
                    found = _affordance(section, name, affordance, named)
                except NotUnderstood as problem:
                    self._leave_out(where, problem)
                    continue
                if section == "properties":
                    parts += _below(name, found)
                default = _DEFAULT_OPS.get(section) or _property_ops(affordance)
                yield from self._offered(found, affordance, default, where)
        everything = _Affordance("properties", Range("/basic/composed"), tuple(parts), takes_input=True)
        yield from self._offered(everything, self._document, [], "the Thing itself")

    def _offered(
        self, about: _Affordance, document: Mapping[str, Any], default: list[str], where: str
    ) -> Iterator[Interaction]:
        flat = all(part.pointer.count("/") == 1 for part in about.parts)
        for form in self._read(document, default, where):
            way = self._security(form, where)
            if way is not None:
                node = _NODES_OF_ALL.get(form.op, about.node)
                yield Interaction(node, form, about.range, about.parts, about.takes_input, flat, way)

    def _read(self, affordance: Mapping[str, Any], default: list[str], where: str) -> Iterator[Form]:
        forms = affordance.get("forms")
        variables = _mapping(affordance.get("uriVariables"))
        if not isinstance(forms, list):
            return
        self._forms += len(forms)
        if self._forms > _MOST_FORMS:
            raise DescriptionError(f"it has more than {_MOST_FORMS} forms")
        for form in forms:
            try:
                yield from self._judged(form, default, variables)
            except NotUnderstood as problem:
                self._leave_out(where, problem)

    def _judged(self, form: object, default: list[str], variables: Mapping[str, Any]) -> list[Form]:
        if not isinstance(form, dict):
            raise NotUnderstood("a form is not one")
        found = list(read_forms(form, default, self._base, self._place))
        for each in found:
            undescribed = [name for name in each.parameters if name not in variables and name not in self._variables]
            if undescribed:
                raise NotUnderstood(f"the variable {undescribed[0][:40]!r} is not described")
        return [self._with_ranges(each, variables) for each in found]

    def _with_ranges(self, form: Form, variables: Mapping[str, Any]) -> Form:
        """Return a form with what its variables may be; those of the affordance come before those of the Thing."""
        ranges = []
        for own, name in (*((each, each) for each in form.parameters), *form.variables):
            schema = _mapping(variables.get(name, self._variables.get(name)))
            found = read_range(schema)
            if found.unjudged:
                self.problems[f"the variable {name[:40]!r}: values are not judged by {', '.join(found.unjudged)}"] = (
                    None
                )
            ranges.append((own, found))
        return msgspec.structs.replace(form, ranges=tuple(ranges))

    def _security(self, form: Form, where: str) -> Scheme | None:
        names = list(form.security) if form.security is not None else texts(self._document.get("security"))
        if not names:
            return Scheme("none")
        try:
            ways = [_scheme(_mapping(self._ways.get(name)), name) for name in names]
        except NotUnderstood as problem:
            self._leave_out(where, problem)
            return None
        carried = [way for way in ways if way.place != "none"]
        if len(carried) > 1:
            self._leave_out(where, NotUnderstood("it wants several credentials at once"))
            return None
        return carried[0] if carried else ways[0]

    def _leave_out(self, where: str, problem: NotUnderstood) -> None:
        self.problems[f"{where}: {problem}"] = None


def _thing(document: object, base: str, place: Place) -> Thing:
    if not isinstance(document, dict):
        raise DescriptionError("what should be a Thing Description is none")
    title, own = document.get("title"), document.get("id", "")
    if not isinstance(title, str) or not title.strip():
        titles = [each for each in _mapping(document.get("titles")).values() if isinstance(each, str) and each.strip()]
        title = titles[0] if titles else own
    if not isinstance(title, str) or not isinstance(own, str) or not title or len(title) > 256 or len(own) > 512:  # noqa: PLR2004
        raise DescriptionError("a Thing has neither a title nor an id that can be its name")
    try:
        reader = _Reader(document, base, place)
        interactions = tuple(reader.interactions())
        made = Thing(title, own, service_type(document), interactions, ())
        _name(made.title)
    except (DescriptionError, NotUnderstood, ValueError) as error:
        raise DescriptionError(f"{title[:80]!r}: {error}") from error
    problems = list(reader.problems)
    if made.type == UNTYPED:
        problems.insert(0, f"it has no @type, so it is one of {UNTYPED}; inventory.yaml can give its `service_type`")
    if len(problems) > _MOST_PROBLEMS:
        problems[_MOST_PROBLEMS:] = [f"and {len(problems) - _MOST_PROBLEMS} more"]
    return msgspec.structs.replace(made, problems=tuple(problems))


def _name(title: str) -> str:
    # What begins with _ is the gateway's own: `_all`, `_unknown`.
    return segment(title.lower().lstrip("_"))


def service_type(document: Mapping[str, Any]) -> str:
    """Return what a description says that its Thing is, as a service type below `/wot`.

    The vocabulary's IRI is part of it, not the prefix that a description chose for it: `saref:LightSwitch` becomes
    `/wot/saref.etsi.org/core/LightSwitch` wherever it is said. A prefix that stands for no IRI is a segment of its own
    there. The first of several counts.
    """
    said = [each for each in texts(document.get("@type")) if each not in _OWN_TYPES and len(each) <= _LONGEST_TYPE]
    vocabularies = _vocabularies(document) if said else {}
    for each in said:
        prefix, colon, local = each.partition(":")
        iri = f"//{each}"
        if colon and local.startswith("//"):
            iri = local
        elif colon:
            iri = f"//{prefix}/{local}"
            vocabulary = vocabularies.get(prefix)
            if vocabulary is not None:
                iri = f"{vocabulary}{local}"
        _, _, path = iri.partition("//")
        parts = [part for given in re.split(r"[/#?]+", path) if (part := _TYPE_PART.sub("-", given).strip("-."))]
        made = "/".join([_NAMESPACE, *parts])
        if parts and made not in {UNTYPED, DIRECTORY} and len(made) <= _LONGEST_TYPE:
            return made
    return UNTYPED


def _vocabularies(document: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    context = document.get("@context")
    for each in context[:_MOST_CONTEXTS] if isinstance(context, list) else [context]:
        found |= {name: iri for name, iri in _mapping(each).items() if _is_vocabulary(iri)}
    return found


def _is_vocabulary(iri: object) -> bool:
    return isinstance(iri, str) and "//" in iri and len(iri) <= _LONGEST_TYPE


def _property_ops(affordance: Mapping[str, Any]) -> list[str]:
    if affordance.get("readOnly") is True:
        return ["readproperty"]
    if affordance.get("writeOnly") is True:
        return ["writeproperty"]
    return ["readproperty", "writeproperty"]


def _affordance(section: str, name: str, affordance: object, named: set[str]) -> _Affordance:
    """Read what a property, action or event is about.

    Raises:
        NotUnderstood: it cannot be told.
    """
    node = f"{section}/{segment(name)}"
    if not isinstance(affordance, dict):
        raise NotUnderstood("it is not described")
    if node in named:
        raise NotUnderstood("another one has its name in an address")
    named.add(node)
    inner = {"actions": "input", "events": "data"}.get(section)
    schema = affordance if inner is None else _mapping(affordance.get(inner))
    takes_input = section == "properties" or bool(schema)
    return _Affordance(node, read_range(schema), read_parts(schema), takes_input=takes_input)


def _below(name: str, about: _Affordance) -> Iterator[Part]:
    """Yield the values of a property as they stand in a document of all properties."""
    pointer = "/" + name.replace("~", "~0").replace("/", "~1")
    node = about.node.partition("/")[2]
    if not about.parts:
        yield Part(pointer, node, about.range)
    for part in about.parts:
        yield Part(pointer + part.pointer, f"{node}/{part.node}", part.range)


def _scheme(definition: Mapping[str, Any], name: str) -> Scheme:
    """Return where a security definition wants the credential.

    Raises:
        NotUnderstood: nowhere that a mapping can name.
    """
    kind = definition.get("scheme")
    where = definition.get("in", "query" if kind == "apikey" else "header")
    field = definition.get("name", "authorization")
    if kind == "nosec":
        return Scheme("none")
    if not all(isinstance(each, str) for each in (kind, where, field)):
        raise NotUnderstood(f"the security definition {name[:40]!r} is not understood")
    if kind in {"basic", "bearer", "oauth2"} and where == "header" and field.lower() == "authorization":
        return Scheme("header", "authorization", "Basic" if kind == "basic" else "Bearer")
    if kind in {"bearer", "apikey"} and where in {"header", "query", "cookie"} and "name" in definition:
        _require_own_name(str(where), field)
        return Scheme(str(where), field.lower() if where == "header" else field)
    raise NotUnderstood(f"the security definition {name[:40]!r} has a scheme that is not understood: {str(kind)[:40]}")


def _require_own_name(where: str, field: str) -> None:
    """Require that a credential stands where nothing else does.

    Raises:
        NotUnderstood: another meaning would be lost, or the mapping cannot have it.
    """
    if where == "header" and (field.lower() in _RESERVED or field.lower().startswith(_RESERVED_BEGINNINGS)):
        raise NotUnderstood(f"a credential cannot stand in the header field {field[:40]}, which has another meaning")
    try:
        Token.model_validate({where: field.lower() if where == "header" else field})
    except ValidationError as error:
        raise NotUnderstood(f"{field[:40]!r} is not where a credential can stand") from error


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
