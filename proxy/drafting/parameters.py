"""What the parameters of a target become in a draft: values that are judged, as devices take commands in them.

Only what plainly says which part of a list is read passes without being judged.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from policy.printable import printable
from proxy.drafting.draft import COMPOSED, TEXT, MemberDraft, RouteDraft

MOST_PARAMETERS = 64
_PAGING = re.compile(
    r"[$_]?(page|per_?page|page_?(no|num|number|size|token)|limit|offset|skip|top|cursor|count|sort(_?by)?|order(_?by)?"
    r"|filter|fields|select|search|q)",
    re.IGNORECASE,
)


def with_parameters(route: RouteDraft, parameters: Sequence[MemberDraft], *, lists: bool, seen: bool) -> RouteDraft:
    """Return a route that takes parameters.

    Args:
        route: The route, without them.
        parameters: Them, as members with `?name` as their pointers and nodes below the route's.
        lists: Whether it reads a list.
        seen: Whether they were seen in traffic, where nothing says what they may be.
    """
    if not parameters:
        return route
    remarks = list(route.remarks)
    if len(parameters) > MOST_PARAMETERS:
        remarks.append(f"it takes more than {MOST_PARAMETERS} parameters; the others are left out")
        parameters = parameters[:MOST_PARAMETERS]
    reads = lists and route.operation == "get"
    judged = [each for each in parameters if not (reads and _PAGING.fullmatch(each.pointer[1:]))]
    passed = [each.pointer[1:] for each in parameters if each not in judged]
    names = printable(", ".join(each.pointer[1:] for each in judged), 300)
    operation = route.operation
    if judged and operation == "get":
        operation = "invoke"
        remarks.append(
            f"GET with {names}: taken for a command, as many devices obey such requests. Only if none of them changes"
            " anything, it is `get`"
        )
    if judged and seen:
        remarks.append(f"{names}: what they may be was not seen; give `choices`, or a `minimum` and `maximum`")
    hidden = [each.pointer[1:] for each in judged if each.private]
    if hidden:
        remarks.append(
            f"{printable(', '.join(hidden), 200)}: by the name a secret, kept out of the audit. If it is what a caller"
            " is known by, remove it here, and name it in `token`"
        )
    prefix = f"{route.node}/" if route.node else ""
    members = [*route.members, *(replace(each, node=prefix + each.node) for each in judged)]
    value, data_type = route.value, route.data_type
    if judged and value is not None:
        whole = data_type or (TEXT if route.body == "text" else COMPOSED)
        members.insert(0, MemberDraft(pointer=value, node=route.node, data_type=whole))
        value = data_type = None
    return replace(
        route,
        operation=operation,
        members=tuple(members),
        value=value,
        data_type=None if members else data_type,
        query=dict.fromkeys(passed, ""),
        remarks=tuple(remarks),
    )
