"""Drafts a mapping from an OpenAPI document."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from pydantic import ValidationError

from policy.printable import printable
from proxy.decoders.rest.mapping import Token, pointer_tokens
from proxy.drafting.credentials import MOST_TOKENS, TokenDraft, is_secret
from proxy.drafting.draft import COMPOSED, MappingDraft, MemberDraft, RouteDraft
from proxy.drafting.naming import doubts, has_single_ones, interface, namespace, naming, slug, variable_of
from proxy.drafting.parameters import with_parameters
from proxy.drafting.schema_members import DEEPEST, Values, json_of, parameter_of, values_of
from proxy.drafting.specification import Operation, SecurityScheme, Specification, text_in

MOST_ROUTES = 1000
"""As many as a mapping may have."""
_OPERATIONS = {"GET": "get", "PUT": "set", "PATCH": "set", "DELETE": "delete"}
_SUPPORTED = {*_OPERATIONS, "POST"}
_MEDIA = (
    ("json", re.compile(r"application/(.+\+)?json")),
    ("form", re.compile(r"application/x-www-form-urlencoded")),
    ("text", re.compile(r"text/plain")),
)
"""Kinds of bodies that are understood, the best one first."""
_EVENTS = "text/event-stream"
_NOT_PASSED = re.compile(
    r"accept.*|authorization|content-.*|if-.*|user-agent|cookie|connection|expect|host|keep-alive|proxy-.*|te|trailer"
    r"|transfer-encoding|upgrade|forwarded|x-forwarded-.*|x-real-ip|x-http-method.*|x-method-override|x-original-url"
    r"|x-rewrite-url"
)
"""Fields that pass anyway, that the gateway writes, or that change what was judged."""
_VARIABLE_NAME = re.compile(r"[^A-Za-z0-9_]+")
_MOST_LISTED = 40
_MOST_HEADERS = 32
_LONGEST_VARIABLE = 28
_SEGMENT = re.compile(r"[A-Za-z0-9._~:@!$&'()*,=+-]+")
_PARAMETER = re.compile(r"[!-$'-:<>-~]{1,128}")


class _Path(NamedTuple):
    """A path template as a mapping has it."""

    segments: tuple[str, ...]
    names: Mapping[str, str]
    """By variable, what the document calls it."""

    @property
    def text(self) -> str:
        return "/" + "/".join(self.segments)

    @property
    def shape(self) -> str:
        """The path without the names of its variables."""
        return "/".join("{}" if variable_of(each) is not None else each for each in self.segments)

    @property
    def order(self) -> list[tuple[bool, str]]:
        """What is said outright comes before what a variable stands for."""
        return [(variable_of(each) is not None, each) for each in self.segments]


def draft_of(specification: Specification, *, name: str | None, file: str) -> MappingDraft:
    """Return a draft of a mapping.

    Args:
        specification: The OpenAPI document.
        name: Short name of the middleware, the first segment of its types; by default made of the title.
        file: Name of the document, as the draft tells it.

    Raises:
        NamespaceError: its types would be another one's.
    """
    short = namespace(name, slug(specification.title))
    left_out: list[str] = []
    found: list[tuple[_Path, Operation]] = []
    taken: set[tuple[str, str]] = set()
    for operation in specification.operations():
        why = None
        path = _path(specification.base, operation.template)
        if operation.method not in _SUPPORTED:
            why = "no service needs it"
        elif path is None:
            why = "a segment holds a variable and more, or cannot stand in a path"
        elif (key := (operation.method, path.shape)) in taken:
            why = "the same path is there already, with other names of its variables"
        else:
            taken.add(key)
        if why is not None or path is None:
            left_out.append(f"{operation.method} {printable(operation.template, 200)}: {why}")
            continue
        found.append((path, operation))
    found.sort(key=lambda each: (each[0].order, each[1].method))
    if len(found) > MOST_ROUTES:
        left_out.append(f"{len(found) - MOST_ROUTES} more operations: a mapping has {MOST_ROUTES} routes at most")
        found = found[:MOST_ROUTES]
    common = interface([path.segments for path, _ in found])
    paths = {path.text for path, _ in found}
    tokens, remarks = _tokens(specification.security())
    secret = {token.get("query") for token in tokens}
    routes = tuple(_route(specification, short, path, operation, common, paths, secret) for path, operation in found)
    remarks += _open(operation for _, operation in found)
    left_out += [f"not understood: {each}" for each in specification.remarks]
    if len(left_out) > _MOST_LISTED:
        left_out = [*left_out[:_MOST_LISTED], f"and {len(left_out) - _MOST_LISTED} more"]
    return MappingDraft(
        name=specification.title or short,
        source=file,
        heading=_heading(file, routes),
        tokens=tokens,
        token_remarks=tuple(remarks),
        headers=_headers((operation for _, operation in found), {token.get("header") for token in tokens}),
        routes=routes,
        left_out=tuple(left_out),
    )


def _heading(file: str, routes: Sequence[RouteDraft]) -> tuple[str, ...]:
    types = len({each.service_type for each in routes})
    return (
        f"A mapping, drafted from {file} by `alleyes decoder import openapi`: {len(routes)} routes, {types} types.",
        "Lines with a question mark say what was guessed, and what you have to decide.",
        "`service` and `type` are guessed from the paths: what stands before the first variable is the kind.",
        "Services that behave alike should have one type, others another one.",
        "Try it: alleyes decoder test THIS_FILE REQUEST.http",
    )


def _path(base: str, template: str) -> _Path | None:
    """Return a template with variables that a mapping may have; None where one is a part of a segment only."""
    segments: list[str] = []
    used: dict[str, str] = {}
    parts = f"{base}{template}".split("/")[1:]
    for number, segment in enumerate(parts):
        variable = variable_of(segment)
        if variable is None:
            last = number == len(parts) - 1
            if not (last and not segment) and (not _SEGMENT.fullmatch(segment) or segment in {".", ".."}):
                return None
            segments.append(segment)
            continue
        plain = _VARIABLE_NAME.sub("_", variable).strip("_").lower() or "variable"
        plain = (plain if "a" <= plain[0] <= "z" else f"v_{plain}")[:_LONGEST_VARIABLE]
        unique = plain
        while unique in used:
            unique = f"{plain}_{len(used) + 1}"
        used[unique] = variable
        segments.append(f"{{{unique}}}")
    return _Path(tuple(segments), used)


def _route(
    specification: Specification,
    short: str,
    path: _Path,
    operation: Operation,
    common: int,
    paths: set[str],
    secret: Container[object],
) -> RouteDraft:
    choices = {name: words for name, given in path.names.items() if (words := _words(specification, operation, given))}
    commands = operation.method == "POST" or (operation.body is None and operation.method in {"PUT", "PATCH"})
    named = naming(short, path.segments, common, choices, commands=commands)
    doing, remarks = _operation(path, operation, paths)
    media, values, told = _body(specification, operation)
    remarks += told
    remarks += doubts(named, choices)
    remarks += [_chosen(name, words, named.variables) for name, words in choices.items()]
    inner = [
        each
        for each in map(variable_of, path.segments)
        if each is not None and each not in named.variables and each not in choices
    ]
    if inner:
        remarks.append(
            f"{', '.join(inner)}: taken for a part of {named.service}. Where it is a service of its own, name it in"
            " `service` and `type`"
        )
    if doing == "get" and has_single_ones(path.text, paths):
        remarks.append("reads them all: then it is rather `everything: true`, without `service` and `node`")
    prefix = f"{named.node}/" if named.node else ""
    whole = values is not None and not values.members
    members = () if values is None or whole else tuple(values.members)
    draft = RouteDraft(
        name=operation.summary or f"{operation.method} {path.text}",
        method=operation.method,
        path=path.text,
        service=named.service,
        service_type=named.service_type,
        operation=doing,
        node=named.node,
        data_type=values.data_type if whole and values is not None else None,
        body=media,
        optional_body=operation.body is not None and media != "none" and not operation.body.required,
        value="" if whole and media in {"json", "text"} else None,
        members=tuple(_below(prefix, each) for each in members),
        whole=tuple(name for name, given in path.names.items() if _is_whole(specification, operation, given)),
        choices=choices,
        lasting=_EVENTS in operation.answers,
        remarks=tuple(remarks),
        variables={
            name: text
            for name, given in path.names.items()
            for each in operation.parameters
            if (each.name, each.place) == (given, "path") and (text := text_in(each.example))
        },
        parameters={
            each.name: text
            for each in operation.parameters
            if each.place == "query" and not is_secret(each.name) and (text := text_in(each.example))
        },
        example=_example(operation, media),
    )
    parameters = [
        parameter_of(specification, each.name, each.schema)
        for each in operation.parameters
        if each.place == "query" and each.name not in secret and _PARAMETER.fullmatch(each.name)
    ]
    lists = operation.lists or has_single_ones(path.text, paths)
    return with_parameters(draft, parameters, lists=lists, seen=False)


def _chosen(name: str, words: Sequence[str], which: Container[str]) -> str:
    """Return what there is to decide about a variable of the path that is one of a few words."""
    told = printable(", ".join(words), 200)
    if name in which:
        return f"{name}: one of {told}. If that says what is done, and not to which service, move it into `node`"
    return (
        f"{name}: one of {told}; who was seen with one of them may not use another. If it does not matter which,"
        " remove its `choices`; if it says which service, move it into `service`"
    )


def _in_path(specification: Specification, operation: Operation, variable: str) -> MemberDraft:
    """Return what a variable of the path may be."""
    schema = next((each.schema for each in operation.parameters if (each.name, each.place) == (variable, "path")), {})
    return parameter_of(specification, variable, schema)


def _words(specification: Specification, operation: Operation, variable: str) -> tuple[str, ...]:
    """Return all that a variable of the path may be, where that is a few words."""
    return tuple([each for each in _in_path(specification, operation, variable).choices if each])


def _is_whole(specification: Specification, operation: Operation, variable: str) -> bool:
    """Tell whether a variable of the path is a whole number from 0."""
    found = _in_path(specification, operation, variable)
    return found.integer and (found.minimum is None or found.minimum >= 0)


def _example(operation: Operation, kind: str) -> str | None:
    """Return the body that the document gives as an example, as JSON."""
    if operation.body is None or kind not in {"json", "form", "text"}:
        return None
    media = dict(_MEDIA)[kind]
    chosen = next((each for each in operation.body.schemas if media.fullmatch(each)), "")
    return json_of(operation.body.examples.get(chosen))


def _below(prefix: str, member: MemberDraft) -> MemberDraft:
    return replace(member, node=prefix + member.node)


def _operation(path: _Path, operation: Operation, paths: set[str]) -> tuple[str, list[str]]:
    """Return what a method means, and what is doubtful about that."""
    if _EVENTS in operation.answers:
        return "subscribe", ["answers with a stream of events: taken for a subscription, which lasts"]
    if operation.method != "POST":
        return _OPERATIONS[operation.method], []
    if has_single_ones(path.text, paths):
        return "create", ["POST above single ones: taken for creating one. If it searches or commands, it is `invoke`"]
    return "invoke", ["POST: taken for a command. If it only writes values, it is `set`"]


def _body(specification: Specification, operation: Operation) -> tuple[str, Values | None, list[str]]:
    """Return the kind of the body, what it holds where that can be told, and what is doubtful about it."""
    if operation.body is None or operation.method == "GET":
        return "none", None, []
    offered = list(operation.body.schemas)
    for kind, media in _MEDIA:
        chosen = next((each for each in offered if media.fullmatch(each)), None)
        if chosen is None:
            continue
        remarks = []
        if others := [each for each in offered if each != chosen]:
            remarks.append(f"takes {', '.join(others)} too; only {chosen} is understood here")
        values = values_of(specification, operation.body.schemas[chosen], 1 if kind == "form" else DEEPEST)
        if kind == "form":
            unreadable = [
                each.pointer for each in values.members if not _PARAMETER.fullmatch(pointer_tokens(each.pointer)[0])
            ]
            remarks += [
                f"{printable(each, 80)} is no name that all readers of forms agree on; left out" for each in unreadable
            ]
            kept = tuple(each for each in values.members if each.pointer not in unreadable)
            values = values._replace(members=kept)
        remarks += values.remarks
        if kind == "form" and not values.members:
            remarks.append("nothing says what the form holds: name its fields under `members`, or they are refused")
        if kind == "json" and not values.members and values.data_type == COMPOSED:
            remarks.append("the body is one composed value: its parts are not told apart")
        return kind, values, remarks
    return "opaque", None, [f"takes {', '.join(offered)}: passed on without looking into it, judged by the path alone"]


def _headers(operations: Iterable[Operation], secret: Container[object]) -> tuple[str, ...]:
    names = {
        parameter.name.lower()
        for operation in operations
        for parameter in operation.parameters
        if parameter.place == "header" and re.fullmatch(r"[A-Za-z0-9-]{1,64}", parameter.name)
    }
    passed = [name for name in names if name not in secret and not _NOT_PASSED.fullmatch(name)]
    return tuple(sorted(passed))[:_MOST_HEADERS]


def _open(operations: Iterable[Operation]) -> list[str]:
    listed = [f"{each.method} {each.template}" for each in operations if each.open]
    if not listed:
        return []
    return [f"{len(listed)} operations need no credential, {listed[0]} among them"]


def _tokens(schemes: Sequence[SecurityScheme]) -> tuple[list[TokenDraft], list[str]]:
    """Return where callers have their credentials, and what is to be decided about them."""
    usable: list[tuple[SecurityScheme, TokenDraft]] = []
    remarks: list[str] = []
    for scheme in schemes:
        place = _place(scheme)
        if scheme.kind == "mutualTLS":
            remarks.append(f"{scheme.name}: certificates of services; give the access point `tls: server`")
        elif place is not None and (why := _unfit(place)):
            remarks.append(f"{printable(scheme.name)}: left out as a credential, as {why}")
        elif place is not None:
            usable.append((scheme, place))
    if not usable:
        return [], [*remarks, "no API token is declared: services are known by certificate or by network address"]
    found: list[TokenDraft] = []
    for scheme, place in usable:
        name = printable(scheme.name)
        if place in found:
            continue
        if len(found) == MOST_TOKENS or ("query" in place and any("query" in each for each in found)):
            remarks.append(f"{name} may carry a credential as well, and is left out: add it, with a `name`")
            continue
        found.append(place)
        unused = "" if scheme.used else "; the document does not ask for it everywhere"
        remarks.append(
            f"{name}: services are known by it once inventory.yaml has its hash (alleyes inventory token){unused}"
        )
        if "query" in place:
            remarks.append(
                f"{place['query']}: with any request, whatever it holds passes; is it nothing but a credential?"
            )
    return found, remarks


def _unfit(place: TokenDraft) -> str:
    """Return why a place cannot be taken for that of a credential; empty where it can."""
    if "query" in place and not is_secret(str(place["query"])):
        return (
            f"the parameter {printable(str(place['query']), 40)} is not called like one, and would pass unjudged with"
            " any request. If it is one, name it in `token`"
        )
    try:
        Token.model_validate(place)
    except ValidationError as error:
        return printable(f"{', '.join(map(str, place.values()))}: {error.errors()[0]['msg']}", 160)
    return ""


def _place(scheme: SecurityScheme) -> TokenDraft | None:
    match scheme.kind, text_in(scheme.detail.get("in")), text_in(scheme.detail.get("scheme")).lower():
        case "apiKey", "header" | "query" | "cookie" as where, _:
            name = text_in(scheme.detail.get("name"))
            return {where: name.lower() if where == "header" else name} if name else None
        case "http", _, "bearer" | "basic" as how:
            return {"header": "authorization", "scheme": how.capitalize()}
        case (("oauth2" | "openIdConnect"), _, _):
            return {"header": "authorization", "scheme": "Bearer"}
    return None
