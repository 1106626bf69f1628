"""Which form of a resource a caller wants, and whether it has the current one (RFC 9110, sections 12.5.1 and 13)."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from aiohttp import ETag, web

from proxy.federation.service.problem import Failure

ANY = "*"
_LONGEST = 1000
"""Characters of a list of media types that are looked at."""


def preferred(accept: str, offered: Sequence[str]) -> str:
    """Return the media type to answer with; without a preference the first one.

    Args:
        accept: The field `Accept`; empty for none.
        offered: Media types that there are.

    Raises:
        Failure: the caller wants none of them (406).
    """
    if not accept.strip():
        return offered[0]
    wanted = [_range(part) for part in accept[:_LONGEST].split(",")]
    best = max(offered, key=lambda each: _quality(each, wanted))
    if _quality(best, wanted) <= 0:
        raise Failure(HTTPStatus.NOT_ACCEPTABLE, "not-acceptable", f"there is {', '.join(offered)}")
    return best


def _range(part: str) -> tuple[str, float]:
    """Return a media range and its weight; one that cannot be read weighs nothing."""
    name, *parameters = (each.strip().lower() for each in part.split(";"))
    quality = 1.0
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                quality = float(parameter[2:])
            except ValueError:
                quality = 0.0
    return name, quality


def _quality(media: str, wanted: Sequence[tuple[str, float]]) -> float:
    """Return the weight that the most specific range gives a media type."""
    group = f"{media.partition('/')[0]}/{ANY}"
    for name in (media, group, f"{ANY}/{ANY}"):
        for range_, quality in wanted:
            if range_ == name:
                return quality
    return 0.0


def has_current(request: web.Request, etag: str) -> bool:
    """Tell whether a caller says that it has this state already (`If-None-Match`)."""
    try:
        given = request.if_none_match or ()
    except ValueError:
        return False
    return any(each.value in {etag, ANY} for each in given if isinstance(each, ETag))


def headers(etag: str) -> dict[str, str]:
    """Return the fields that go with a state: it is the caller's alone, and may be old at any time."""
    return {"ETag": f'"{etag}"', "Cache-Control": "private, no-cache", "Vary": "Accept"}
