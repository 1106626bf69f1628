"""Drafts a mapping from templates that an operator confirmed."""

from __future__ import annotations

import re
from collections.abc import Sequence

from proxy.drafting.draft import MappingDraft, RouteDraft
from proxy.drafting.naming import interface, naming
from proxy.drafting.templates import SECRET, Template

_OPERATIONS = {"GET": "get", "PUT": "set", "PATCH": "set", "DELETE": "delete", "POST": "invoke"}
_SEGMENT = re.compile(r"[A-Za-z0-9._~:@!$&'()*,=+-]+|\{[a-z][a-z0-9_]*\}")
_BODIES = (
    ("json", re.compile(r"application/(.+\+)?json")),
    ("form", re.compile(r"application/x-www-form-urlencoded")),
    ("text", re.compile(r"text/plain")),
)


def draft_from(templates: Sequence[Template], *, name: str, source: str) -> MappingDraft:
    """Return a draft of a mapping.

    Args:
        templates: In the order in which they are to be looked for.
        name: Short name of the middleware, the first segment of its types.
        source: Where the calls were seen, as the draft tells it.
    """
    usable = [each for each in templates if _usable(each)]
    secret = {each.name for template in usable for each in template.variables if each.kind in SECRET}
    # A credential in the path names nobody: what it stands between is the interface.
    shown = [[each for each in template.segments if each[1:-1] not in secret] for template in usable]
    common = interface(shown)
    routes = tuple(_route(template, naming(name, rest, common)) for template, rest in zip(usable, shown, strict=True))
    token = sorted(secret)
    return MappingDraft(
        name=name,
        source=source,
        heading=(
            f"A mapping, drafted by `alleyes decoder learn` from calls that were seen: {len(routes)} routes.",
            "Lines with a question mark say what was guessed, and what you have to decide.",
            "What bodies mean was not seen: name their values under `members`, or each passes as one value.",
            "Try it: alleyes decoder test THIS_FILE REQUEST.http",
        ),
        token={"path": token[0]} if token else None,
        token_remarks=(
            (f"long segments were seen in the paths, and taken for credentials: {', '.join(token)}",)
            if token
            else ("no credential was seen in the paths; add where services have theirs, if they have any",)
        ),
        routes=routes,
        left_out=tuple(
            f"{each.method} {each.text}: a segment cannot stand in a mapping" for each in templates if not _usable(each)
        ),
    )


def _usable(template: Template) -> bool:
    *first, last = template.segments
    return all(map(_SEGMENT.fullmatch, first)) and (not last or _SEGMENT.fullmatch(last) is not None)


def _route(template: Template, named: tuple[str, str, str, tuple[str, ...]]) -> RouteDraft:
    service, service_type, node, _ = named
    operation = _OPERATIONS[template.method]
    remarks = [f"seen {template.calls} times, from {template.callers} callers"]
    for each in template.variables:
        examples = f", for example {', '.join(each.examples)}" if each.examples else ""
        remarks.append(f"{each.name}: {each.distinct} different ones{examples}")
    if template.method == "POST":
        remarks.append("POST: taken for a command. If it writes values, it is `set`; if it makes something, `create`")
    body = _body(template)
    if body == "opaque":
        remarks.append("the body is passed on without looking into it: say what it is, if it is JSON, a form or a text")
    return RouteDraft(
        name=f"{template.method} {template.text}"[:128],
        method=template.method,
        path=template.text,
        service=service,
        service_type=service_type,
        operation=operation,
        node=node,
        body=body,
        optional_body=body != "none",
        value="" if body in {"json", "text"} else None,
        query=dict.fromkeys(template.parameters, ""),
        lasting="text/event-stream" in template.media_types,
        remarks=tuple(remarks),
    )


def _body(template: Template) -> str:
    """Return what the body is; where nothing tells, something that passes."""
    if template.method in {"GET", "DELETE"}:
        return "none"
    for kind, media in _BODIES:
        if any(map(media.fullmatch, template.media_types)):
            return kind
    return "opaque"
