"""Drafts a mapping from templates that an operator confirmed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence

from proxy.drafting.credentials import MOST_TOKENS, TokenDraft, is_secret, passed_fields, tokens_in
from proxy.drafting.draft import BOOLEAN, COMPOSED, NUMBER, TEXT, MappingDraft, MemberDraft, RouteDraft
from proxy.drafting.naming import Naming, doubts, has_single_ones, interface, naming
from proxy.drafting.parameters import with_parameters
from proxy.drafting.templates import SECRET, Kind, Template

_OPERATIONS = {"GET": "get", "PUT": "set", "PATCH": "set", "DELETE": "delete", "POST": "invoke"}
_SEGMENT = re.compile(r"[A-Za-z0-9._~:@!$&'()*,=+-]+|\{[a-z][a-z0-9_]*\}")
_BODIES = (
    ("json", re.compile(r"application/(.+\+)?json")),
    ("form", re.compile(r"application/x-www-form-urlencoded")),
    ("text", re.compile(r"text/plain")),
)
_EVENTS = "accept:events"
_TYPES = {"number": NUMBER, "boolean": BOOLEAN, "text": TEXT, "composed": COMPOSED}
_ADDRESS = re.compile(r"[^A-Za-z0-9._:-]+")
_MOST_HEADERS = 32
_MOST_MEMBERS = 64


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
    tokens, remarks = _tokens(usable, sorted(secret))
    paths = {each.text for each in usable}
    routes = tuple(
        _route(template, naming(name, rest, common, _words(template)), paths, tokens)
        for template, rest in zip(usable, shown, strict=True)
    )
    return MappingDraft(
        name=name,
        source=source,
        heading=(
            f"A mapping, drafted by `alleyes decoder learn` from calls that were seen: {len(routes)} routes.",
            "Lines with a question mark say what was guessed, and what you have to decide.",
            "Values were not seen: give those that could do harm their `minimum` and `maximum`, or `choices`.",
            "Try it: alleyes decoder test THIS_FILE REQUEST.http",
        ),
        learning=True,
        tokens=tokens,
        token_remarks=remarks,
        headers=tuple(passed_fields((field for each in usable for field in each.fields), tokens))[:_MOST_HEADERS],
        routes=routes,
        left_out=tuple(
            f"{each.method} {each.text}: a segment cannot stand in a mapping" for each in templates if not _usable(each)
        ),
    )


def _tokens(templates: Sequence[Template], secret: Sequence[str]) -> tuple[list[TokenDraft], tuple[str, ...]]:
    """Return where credentials are, and what is to be decided about that."""
    found: list[TokenDraft] = [{"path": each} for each in secret[:1]]
    # A parameter that only few requests have is rather a secret that is set: to be hidden, and not to pass unjudged.
    named = Counter(parameter.name for each in templates for parameter in each.parameters)
    found += tokens_in(
        sorted(field for each in templates for field in each.fields),
        sorted(name for name, times in named.items() if 2 * times >= len(templates)),
    )[: MOST_TOKENS - len(found)]
    if not found:
        return found, ("no credential was seen; add where services have theirs, if they have any",)
    remarks = ["taken for credentials, by their names: is that so? Services are known by them once inventory.yaml has"]
    remarks[0] += " their hashes (alleyes inventory token)"
    if secret:
        remarks.append(f"long segments were seen in the paths, and taken for credentials: {', '.join(secret)}")
    return found, tuple(remarks)


def _usable(template: Template) -> bool:
    *first, last = template.segments
    return all(map(_SEGMENT.fullmatch, first)) and (not last or _SEGMENT.fullmatch(last) is not None)


def _words(template: Template) -> tuple[str, ...]:
    return tuple(each.name for each in template.variables if each.kind is Kind.WORD)


def _route(template: Template, named: Naming, paths: Collection[str], tokens: Sequence[TokenDraft]) -> RouteDraft:
    service, service_type, node, which = named
    deciding = tuple(each for each in _words(template) if each not in which)
    lasting = _EVENTS in template.fields
    operation = "subscribe" if lasting else _OPERATIONS[template.method]
    remarks = [f"seen {template.calls} times, from {template.callers} callers"]
    for each in template.variables:
        examples = f", for example {', '.join(each.examples)}" if each.examples else ""
        remarks.append(f"{each.name}: {each.distinct} different ones{examples}")
        if each.odd:
            remarks.append(
                f"{each.name}: {', '.join(each.odd)} as well, of fewer callers; `form: integer` refuses that"
            )
    remarks += [
        f"{each}: does it matter which of them somebody uses, as with lock and unlock? Taken for that, and each is"
        " learnt apart. If not, remove `decides`; if it says which service, move it into `service`"
        for each in deciding
    ]
    remarks += doubts(named)
    if template.seldom:
        remarks.append(f"without {', '.join(template.seldom)}: one caller sent that once")
    if template.method == "POST":
        remarks.append("POST: taken for a command. If it writes values, it is `set`; if it makes something, `create`")
    body = _body(template)
    if body == "opaque":
        remarks.append("the body is passed on without looking into it: say what it is, if it is JSON, a form or a text")
    members = _members(template, node) if body in {"json", "form"} else ()
    draft = RouteDraft(
        name=f"{template.method} {template.text}"[:128],
        method=template.method,
        path=template.text,
        service=service,
        service_type=service_type,
        operation=operation,
        node=node,
        body=body,
        optional_body=body != "none",
        value="" if body in {"json", "text"} and not members else None,
        members=members,
        whole=tuple(each.name for each in template.variables if each.whole),
        deciding=deciding,
        lasting=lasting,
        remarks=tuple(remarks),
        variables={each.name: each.examples[0] for each in template.variables if each.examples},
    )
    secret = {token.get("query") for token in tokens}
    parameters = [
        MemberDraft(
            pointer=f"?{each.name}",
            node=_ADDRESS.sub("-", each.name).strip("-.") or "value",
            data_type=TEXT,
            private=is_secret(each.name),
            remark=f"{each.callers} callers",
        )
        for each in template.parameters
        if each.name not in secret
    ]
    return with_parameters(draft, parameters, lists=has_single_ones(template.text, paths), seen=True)


def _body(template: Template) -> str:
    """Return what the body is; where nothing tells, something that passes."""
    if template.method in {"GET", "DELETE"}:
        return "none"
    for kind, media in _BODIES:
        if any(map(media.fullmatch, template.media_types)):
            return kind
    return "opaque"


def _members(template: Template, node: str) -> tuple[MemberDraft, ...]:
    """Return the values of a body, as far as they were seen."""
    pointers = [pointer for pointer, _ in template.members]
    found = []
    for pointer, kinds in template.members:
        if any(pointer.startswith(f"{other}/") for other in pointers):
            continue  # the other one was seen as one value, too, and then it holds this one
        only = _TYPES.get(next(iter(kinds))) if len(kinds) == 1 else None
        below = [_ADDRESS.sub("-", part).strip("-.") or "value" for part in pointer.split("/")[1:]]
        found.append(
            MemberDraft(
                pointer=pointer,
                node="/".join([*([node] if node else []), *below]),
                data_type=only or TEXT,
                private=is_secret(pointer.rpartition("/")[2]),
                remark="" if only else f"seen as {' and '.join(sorted(kinds))}",
            )
        )
    return tuple(found[:_MOST_MEMBERS])
