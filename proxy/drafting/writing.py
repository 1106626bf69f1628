"""Writes a draft as the text of a mapping file, with what was guessed as comments where it stands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from policy.printable import printable
from proxy.drafting.credentials import TokenDraft
from proxy.drafting.draft import MappingDraft, MemberDraft, RouteDraft

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9/._-]*")
_READ_OTHERWISE = re.compile(r"null|true|false|yes|no|on|off|y|n", re.IGNORECASE)
_VARIABLE = re.compile(r"\{([a-z0-9_]+)\}")
_WIDTH = 116
_MARK = "# ? "
"""Before what the operator has to look at."""
_LEARNING = (
    "calls that no route matches still pass in learn and monitor, with all their header fields, and are noted for"
    " another draft; remove the next line once there are none of them that matter"
)


def text_of(draft: MappingDraft) -> str:
    """Return the text of a mapping file."""
    return "\n".join(_lines(draft)) + "\n"


def _lines(draft: MappingDraft) -> Iterator[str]:
    for line in draft.heading:
        yield from _comment("", line, "# ")
    yield f"name: {_scalar(draft.name)}"
    yield f"source: {_scalar(draft.source)}"
    yield ""
    for line in draft.token_remarks:
        yield from _comment("", line)
    yield from _tokens(draft)
    if draft.headers:
        yield "# Request fields that are passed on beside the usual ones."
        yield f"headers: [{', '.join(map(_scalar, draft.headers))}]"
    if draft.learning:
        yield from _comment("", _LEARNING)
        yield "learning: true"
    yield ""
    if draft.routes:
        yield "routes:"
        for route in draft.routes:
            yield from _route(route)
    else:
        yield "routes: []"
    if draft.left_out:
        yield ""
        yield "# Left out; such requests are calls to an unknown node:"
        for line in draft.left_out:
            yield from _comment("", line, "#   ")


def _tokens(draft: MappingDraft) -> Iterator[str]:
    if len(draft.tokens) == 1:
        yield f"token: {_flow(draft.tokens[0])}"
    elif draft.tokens:
        yield "token:"
        yield from (f"  - {_flow(token)}" for token in draft.tokens)


def _route(route: RouteDraft) -> Iterator[str]:
    for line in route.remarks:
        yield from _comment("  ", line)
    yield f"  - name: {_scalar(route.name)}"
    yield f"    method: {route.method}"
    yield f"    path: {_scalar(route.path)}"
    if route.whole or route.deciding:
        yield "    variables:"
        yield from (f"      {name}: {{variable: {each}, {setting}}}" for name, each, setting in _further(route))
    yield f"    service: {_scalar(route.service)}"
    yield f"    type: {_scalar(route.service_type)}"
    yield f"    operation: {route.operation}"
    if route.node:
        yield f"    node: {_scalar(route.node)}"
    if route.data_type is not None:
        yield f"    data_type: {route.data_type}"
    if route.choices:
        ranges = ", ".join(f"{name}: {{{_choices(words)}}}" for name, words in route.choices.items())
        yield f"    ranges: {{{ranges}}}"
    yield from _query(route)
    yield from _body(route)
    if route.lasting:
        yield "    lasting: true"


def _further(route: RouteDraft) -> Iterator[tuple[str, str, str]]:
    """Yield each variable of the path of which more is said, after a name for that which no other variable has."""
    taken = set(_VARIABLE.findall(route.path))
    for called, variables, setting in (
        ("number", route.whole, "form: integer"),
        ("deed", route.deciding, "decides: true"),
    ):
        for each in variables:
            name = called if len(variables) == 1 else f"{called}_{each}"[:32]
            while name in taken:
                name = f"n_{name}"[:32]
            taken.add(name)
            yield name, each, setting


def _choices(words: Sequence[str]) -> str:
    return f"choices: [{', '.join(map(_scalar, words))}]"


def _query(route: RouteDraft) -> Iterator[str]:
    if not route.query:
        return
    for name, remark in route.query.items():
        if remark:
            yield from _comment("    ", f"{name}: {remark}", "# ")
    yield f"    query: {{{', '.join(f'{_scalar(name)}: {{}}' for name in route.query)}}}"


def _body(route: RouteDraft) -> Iterator[str]:
    if route.body != "none":
        yield f"    body: {route.body}"
    if route.optional_body:
        yield "    optional_body: true"
    if route.value is not None:
        yield f"    value: {{body: {_scalar(route.value)}}}"
    if route.members:
        yield "    members:"
        for member in route.members:
            yield f"      {_member(member)}"


def _member(member: MemberDraft) -> str:
    settings = [f"node: {_scalar(member.node)}", f"data_type: {member.data_type}"]
    for name, bound in (("minimum", member.minimum), ("maximum", member.maximum)):
        if bound is not None:
            settings.append(f"{name}: {json.dumps(bound)}")
    if member.integer:
        settings.append("integer: true")
    if member.choices:
        settings.append(_choices(member.choices))
    if member.longest is not None:
        settings.append(f"longest: {member.longest}")
    if member.private:
        settings.append("private: true")
    remark = f" # {printable(member.remark, _WIDTH)}" if member.remark else ""
    return f"{_scalar(member.pointer)}: {{{', '.join(settings)}}}{remark}"


def _flow(settings: TokenDraft) -> str:
    written = [
        f"{name}: {_scalar(value) if isinstance(value, str) else json.dumps(value)}" for name, value in settings.items()
    ]
    return f"{{{', '.join(written)}}}"


def _comment(indent: str, text: str, mark: str = _MARK) -> Iterator[str]:
    """Yield a remark as comments; whatever it holds stays one, as documents of others have a say in it."""
    words = printable(" ".join(text.split()), 2000).split(" ")
    line = ""
    for word in words:
        if line and len(indent) + len(mark) + len(line) + 1 + len(word) > _WIDTH:
            yield f"{indent}{mark}{line}"
            line = word
        else:
            line = f"{line} {word}" if line else word
    yield f"{indent}{mark}{line}"


def _scalar(text: str) -> str:
    plain = _PLAIN.fullmatch(text) is not None and _READ_OTHERWISE.fullmatch(text) is None
    return text if plain else json.dumps(text, ensure_ascii=True)
