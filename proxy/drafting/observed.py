"""What the audit log holds of calls that no route of a mapping understood: path, names of parameters, media type."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from proxy.audit.event import seconds
from proxy.decoders.rest.accesses import UNKNOWN
from proxy.drafting.templates import Seen

_LINE = re.compile(r"(GET|PUT|POST|PATCH|DELETE) (/[^ ?#]*)(?:\?([^ #]*))?(?: \(?([a-z]+/[a-z0-9.+_-]+)\b.*| .*)?")
_MOST_PARAMETERS = 32
_NAME = re.compile(r"[!-$'-:<>-~]{1,128}")


def seen_in(record: Mapping[str, Any], agent: str | None = None) -> Seen | None:
    """Return the call that a record tells of, if it is one that no route understood.

    Values of parameters are left behind: they may be credentials.

    Args:
        record: A record of the audit log; it holds what strangers sent.
        agent: Name of the access point that was called; None: of any.
    """
    if record.get("kind") != "verdict" or not _unmatched(record.get("accesses"), agent):
        return None
    request, sender, time = record.get("request"), record.get("sender"), record.get("time")
    found = _LINE.fullmatch(request) if isinstance(request, str) else None
    if found is None or not isinstance(sender, dict):
        return None
    try:
        moment = seconds(str(time))
    except ValueError:
        return None
    names = dict.fromkeys(unquote(each.partition("=")[0]) for each in (found[3] or "").split("&") if each)
    return Seen(
        method=found[1],
        segments=tuple(unquote(each) for each in found[2].split("/")[1:]),
        parameters=tuple(each for each in names if _NAME.fullmatch(each))[:_MOST_PARAMETERS],
        media_type=found[4] or "",
        caller=str(sender.get("address")),
        time=moment,
    )


def _unmatched(accesses: object, agent: str | None) -> bool:
    """Tell whether a call had the one access that stands for a request which no route matches."""
    if not isinstance(accesses, list) or len(accesses) != 1 or not isinstance(accesses[0], dict):
        return False
    name, _, service = str(accesses[0].get("destination")).removeprefix("/").partition("/")
    return service == UNKNOWN and agent in {None, name}
