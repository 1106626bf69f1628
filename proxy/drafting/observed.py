"""What the audit log holds of calls that no route of a mapping understood: path, names of parameters, media type."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from proxy.audit.event import seconds
from proxy.decoders.rest.accesses import UNKNOWN
from proxy.drafting.templates import Seen

_LINE = re.compile(r"(GET|PUT|POST|PATCH|DELETE) (/[^ ?#]*)(?:\?([^ #]*))?( .*)?")
_MEDIA = re.compile(r" \(([a-z]+/[a-z0-9.+_-]+)\)")
_FIELDS = re.compile(r" with ([^;]+)")
_FIELD = re.compile(r"(authorization|cookie|accept):[\w.-]{1,64}|[a-z0-9_-]{1,64}")
_BODY = re.compile(r"; body (.+)")
_MEMBER = re.compile(r"((?:/[A-Za-z0-9_.:$@-]{1,48}){1,4}) (number|text|boolean|composed|null)")
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
    rest = found[4] or ""
    media, fields, body = (form.search(rest) for form in (_MEDIA, _FIELDS, _BODY))
    names = dict.fromkeys(unquote(each.partition("=")[0]) for each in (found[3] or "").split("&") if each)
    return Seen(
        method=found[1],
        segments=tuple(unquote(each) for each in found[2].split("/")[1:]),
        parameters=tuple(each for each in names if _NAME.fullmatch(each))[:_MOST_PARAMETERS],
        media_type="" if media is None else media[1],
        caller=str(sender.get("address")),
        time=moment,
        fields=tuple(each for each in _items(fields) if _FIELD.fullmatch(each)),
        members=tuple((each[1], each[2]) for each in map(_MEMBER.fullmatch, _items(body)) if each is not None),
    )


def _items(found: re.Match[str] | None) -> list[str]:
    return [] if found is None else found[1].split(", ")[:_MOST_PARAMETERS]


def _unmatched(accesses: object, agent: str | None) -> bool:
    """Tell whether a call had the one access that stands for a request which no route matches."""
    if not isinstance(accesses, list) or len(accesses) != 1 or not isinstance(accesses[0], dict):
        return False
    name, _, service = str(accesses[0].get("destination")).removeprefix("/").partition("/")
    return service == UNKNOWN and agent in {None, name}
