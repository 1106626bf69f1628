"""What the audit says of a request that no route of a mapping matches: enough to draft one from, and no credential.

`alleyes decoder learn` reads it (`proxy.drafting.observed`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

HIDDEN = "<token>"
_OPAQUE = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9_+=-]{20,}|[A-Za-z0-9_+=-]{33,}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LONGEST = 512
_LONGEST_REST = 1024
"""Characters of what is told beside method and target."""
_MEDIA_TYPE = re.compile(r"[a-z0-9.+_-]{1,64}/[a-z0-9.+_-]{1,64}")


def looks_secret(segment: str) -> bool:
    """Tell whether a segment of a path may be a credential: it is long, and no UUID."""
    return segment == HIDDEN or (_OPAQUE.fullmatch(segment) is not None and _UUID.fullmatch(segment) is None)


def in_words(
    method: str, target: str, content_type: str | None, fields: Sequence[str] = (), members: Sequence[str] = ()
) -> str:
    """Return a request for the audit: `PUT /lamp?force= (application/json) with x-key; body /on boolean, /bri number`.

    Args:
        method: Of the request.
        target: Canonical, without the credentials that the mapping knows of.
        content_type: As it came.
        fields: Names of header fields and the like (`proxy.decoders.rest.headers`).
        members: What the body holds (`proxy.decoders.rest.outline`).
    """
    path, _, query = target.partition("?")
    names = "&".join(f"{each.partition('=')[0]}=" for each in query.split("&")) if query else ""
    line = f"{method} {path}{'?' if names else ''}{names}"[:_LONGEST]
    media = (content_type or "").partition(";")[0].strip().lower()
    rest = f" ({media})" if _MEDIA_TYPE.fullmatch(media) else ""
    rest += f" with {', '.join(fields)}" if fields else ""
    rest += f"; body {', '.join(members)}" if members else ""
    return line + (rest if len(rest) <= _LONGEST_REST else rest[:_LONGEST_REST].rpartition(",")[0])
