"""Examples of a draft: a request for each route, and what it becomes, for the operator to look at and to keep.

A value is the one that the description gives, or one that its range allows. What was learnt from traffic has no values,
so nobody's are in an example; a credential is `EXAMPLE`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode

import yaml

from policy.printable import printable
from proxy.decoders.base import Decoded
from proxy.decoders.rest.body import FORM
from proxy.decoders.rest.decoder import RestDecoder
from proxy.decoders.rest.examples import SENDER, ExampleRequest, decoder_for
from proxy.decoders.rest.mapping import Bounded, Condition, Like, MappingDocument, Route, pointer_tokens
from proxy.drafting.draft import RouteDraft

EXAMPLE = "EXAMPLE-CREDENTIAL"
_MOST_MEMBERS = 16
_WORD = re.compile(r"[A-Za-z/]")
_WIDTH = 120


def text_of_examples(mapping: MappingDocument, drafts: Iterable[RouteDraft | None], agent: str, heading: str) -> str:
    """Return the text of a file of examples.

    Args:
        mapping: The mapping.
        drafts: By route, what its description gives; None for nothing.
        agent: What the access point is called in the examples.
        heading: What stands at the top.
    """
    decoder = decoder_for(mapping, agent)
    lines = [f"# {printable(heading, _WIDTH)}"]
    for route, draft in zip(mapping.routes, drafts, strict=True):
        lines += _entries(decoder, mapping, route, draft)
    return "\n".join(lines) + "\n"


def _entries(decoder: RestDecoder, mapping: MappingDocument, route: Route, draft: RouteDraft | None) -> Iterator[str]:
    given = None if draft is None else _request(mapping, route, draft, as_given=True)
    made = _request(mapping, route, draft, as_given=False)
    yield f"# {printable(route.name, _WIDTH)}"
    if given is not None and given != made:
        decoded = _decoded(decoder, given)
        if decoded.refusal is not None:
            yield f"# ? the description's own example is refused: {printable(decoded.refusal.detail, _WIDTH)}"
        yield from _entry(given, decoded)
        if decoded.refusal is None:
            return
    yield from _entry(made, _decoded(decoder, made))


def _decoded(decoder: RestDecoder, request: ExampleRequest) -> Decoded:
    return decoder.decode(request.as_sent(), SENDER, 0, None)


def _entry(request: ExampleRequest, decoded: Decoded) -> Iterator[str]:
    accesses = []
    for access in decoded.accesses:
        found = {"operation": str(access.operation), "destination": access.destination, "type": access.destination_type}
        found |= {"node": access.node.removeprefix(access.destination).removeprefix("/")}
        found |= {"data_type": access.data_type, "value": access.value}
        accesses.append({name: value for name, value in found.items() if value is not None})
    entry: dict[str, Any] = {"request": request.model_dump(exclude_defaults=True)}
    if accesses:
        entry["accesses"] = accesses
    if decoded.refusal is not None:
        entry["refusal"] = decoded.refusal.code
    yield yaml.dump([entry], Dumper=_Dumper, sort_keys=False, width=_WIDTH, default_flow_style=None).rstrip("\n")


class _Dumper(yaml.SafeDumper):
    """Quotes whatever could be read as something else than a text, as `-5e-324`, which YAML 1.1 does not know."""


def _as_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if _WORD.match(text) else "'")


_Dumper.add_representer(str, _as_text)


def _request(mapping: MappingDocument, route: Route, draft: RouteDraft | None, *, as_given: bool) -> ExampleRequest:
    """Return a request of a route.

    Args:
        mapping: What the route is part of.
        route: The route.
        draft: What its description gives.
        as_given: Whether the description's own values are wanted; else some that are within their range.
    """
    secret = {token.path for token in mapping.tokens if token.path is not None}
    whole = {each.variable for each in route.variables.values() if each.form == "integer"}
    known: Mapping[str, str] = draft.variables if draft is not None and as_given else {}
    segments = []
    for segment in route.segments:
        name = segment[1:-1].removesuffix("...") if segment.startswith("{") else None
        if name is None:
            segments.append(segment)
            continue
        bounds = route.ranges.get(name)
        made = bounds.choices[0] if bounds is not None and bounds.choices else "1" if name in whole else "example"
        value = EXAMPLE if name in secret else known.get(name, made)
        if name in whole and not (value.isdecimal() and str(int(value)) == value):
            value = "1"
        segments.append(value)
    query = {name: _meeting(condition) for name, condition in route.when.query.items()}
    if draft is not None and as_given:
        query |= {name: value for name, value in draft.parameters.items() if name in route.parameters}
    for name, member in route.members.items():
        if name.startswith("?"):
            query.setdefault(name[1:], _text(member, mapping))
    headers = {name: _meeting(condition) for name, condition in route.when.headers.items()}
    body, content_type = _body(mapping, route, draft if as_given else None)
    if content_type:
        headers["content-type"] = content_type
    target = "/" + "/".join(quote(each, safe="!$&'()*,:=@+") for each in segments)
    if query:
        target += f"?{urlencode(query, quote_via=quote)}"
    method = "GET" if "GET" in route.methods else route.methods[0]
    return ExampleRequest(method=method, target=target, headers=headers, body=body)


def _meeting(condition: Condition) -> str:
    """Return a text that meets a condition."""
    if isinstance(condition, bool):
        return "true" if condition else "false"
    text = condition.like if isinstance(condition, Like) else str(condition)
    return text.replace("*", "") or "1"


def _body(mapping: MappingDocument, route: Route, draft: RouteDraft | None) -> tuple[str, str]:
    """Return a body and its media type; empty where there is none."""
    if route.body in {"none", "opaque"}:
        return "", ""
    example = None if draft is None else draft.example
    if route.body == "text":
        text = json.loads(example) if example is not None else None
        return (text if isinstance(text, str) else _text(route.members.get("", route), mapping)), "text/plain"
    members = {name: each for name, each in route.members.items() if not name.startswith("?")}
    chosen = dict([*members.items()][:_MOST_MEMBERS])
    given = {each.pointer: each.example for each in draft.members} if draft is not None else {}
    if route.body == "form":
        fields = json.loads(example) if example is not None else None
        if not isinstance(fields, dict):
            fields = {pointer_tokens(name)[0]: _text(each, mapping) for name, each in chosen.items()}
        return urlencode({name: value for name, value in fields.items() if isinstance(value, str | int)}), FORM
    if example is not None:
        return example, "application/json"
    if not chosen or "" in chosen:
        return json.dumps(_value(chosen.get("", route))), "application/json"
    whole: dict[str, Any] = {}
    for pointer, each in chosen.items():
        known = given.get(pointer)
        _put(whole, pointer_tokens(pointer), json.loads(known) if known is not None else _value(each))
    return json.dumps(whole, ensure_ascii=False), "application/json"


def _put(whole: dict[str, Any], tokens: tuple[str, ...], value: Any) -> None:
    """Put a value where a pointer says; where a value is already, that stays."""
    for token in tokens[:-1]:
        inner = whole.setdefault(token, {})
        if not isinstance(inner, dict):
            return
        whole = inner
    whole.setdefault(tokens[-1], value)


def _value(bounds: Bounded) -> Any:
    """Return a value for JSON that is within its bounds."""
    kind = bounds.data_type
    if bounds.choices is not None:
        word = bounds.choices[0]
        return json.loads(word) if kind in {"/basic/number", "/basic/boolean"} else word
    if bounds.integer or bounds.minimum is not None or bounds.maximum is not None or kind == "/basic/number":
        return _number(bounds)
    if kind == "/basic/boolean":
        return True
    return {} if kind == "/basic/composed" else "text"[: bounds.longest]


def _number(bounds: Bounded) -> int | float:
    low, high = bounds.minimum, bounds.maximum
    lowest, highest = -math.inf if low is None else low, math.inf if high is None else high
    candidates: list[float] = [1, 0]
    if low is not None:
        candidates += [math.ceil(low), low]
    if high is not None:
        candidates += [math.floor(high), high]
    fitting = [each for each in candidates if lowest <= each <= highest]
    found = next((each for each in fitting if not bounds.integer or float(each).is_integer()), 0)
    return int(found) if float(found).is_integer() else found


def _text(bounds: Bounded, mapping: MappingDocument) -> str:
    """Return a value for a form, a parameter or a text."""
    if bounds.data_type == "/basic/boolean" and bounds.choices is None:
        return mapping.booleans[0]
    value = _value(bounds)
    if isinstance(value, float):
        return f"{Decimal(repr(value)):f}"
    return value if isinstance(value, str) else json.dumps(value)
