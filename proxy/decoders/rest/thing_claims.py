"""Which paths a Thing Description speaks of, whether or not the requests there can be judged.

They are compared as the most lenient of servers finds them: many take upper and lower case, or a path with a slash at
its end and without, for the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from proxy.decoders.rest.mapping import MOST_SEGMENTS
from proxy.decoders.rest.thing_forms import Place

Path = tuple[str, ...]
"""Segments of a path."""
VARIABLE = "{}"
"""Stands for a segment that may be anything."""
_SECTIONS = ("properties", "actions", "events")
_MOST = 4096
"""Of one Thing; as many as the forms that it may have."""
_LONGEST_HREF = 4096
_LONGEST_BASE = 256
_LONGEST = 1024
_PARAMETERS = re.compile(r"\{[?&#]")
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


def canonical(path: Iterable[str]) -> Path:
    """Return a path, decoded, as paths are compared: in lower case, without empty segments, variables without names."""
    return tuple([VARIABLE if "{" in segment else segment.casefold() for segment in path if segment])


def claims_of(document: object, base: str, place: Place) -> tuple[Path, ...]:
    """Return every path that a description has a form for at the access point, also of what is left out of it.

    Host names count as the access point: nothing here says what they stand for, and a consumer may well end up there.

    Args:
        document: What may be a Thing Description.
        base: What relative references are relative to, unless the description says so.
        place: The access point.
    """
    if not isinstance(document, dict):
        return ()
    given = document.get("base")
    if isinstance(given, str) and len(given) <= _LONGEST_BASE:
        try:
            base = urljoin(base, given)
        except ValueError:
            return ()
    hrefs: dict[str, None] = {}
    for href in _hrefs(document):
        hrefs[href] = None
        if len(hrefs) == _MOST:
            break
    return tuple(dict.fromkeys(path for href in hrefs if (path := _path(href, base, place)) is not None))


def _hrefs(document: Mapping[str, Any]) -> Iterator[str]:
    sections = [section for name in _SECTIONS if isinstance(section := document.get(name), dict)]
    for each in (document, *(affordance for section in sections for affordance in section.values())):
        forms = each.get("forms") if isinstance(each, dict) else None
        for form in [forms] if isinstance(forms, dict) else forms if isinstance(forms, list) else ():
            href = form.get("href") if isinstance(form, dict) else None
            if isinstance(href, str) and len(href) <= _LONGEST_HREF:
                yield href


def _path(href: str, base: str, place: Place) -> Path | None:
    try:
        url = urlsplit(urljoin(base, _PARAMETERS.split(href, 1)[0]))
        if not _may_be_here(url, place):
            return None
    except ValueError:
        return None
    segments: list[str] = []
    for each in unquote(url.path).split("/"):
        if each == "..":
            segments[-1:] = []
        elif each not in {"", "."}:
            segments.append(each)
    found = canonical(segments)
    # What is longer can be no request of a mapping, so nobody can have it.
    return found if len(found) <= MOST_SEGMENTS and sum(map(len, found)) <= _LONGEST else None


def _may_be_here(url: SplitResult, place: Place) -> bool:
    if url.scheme not in _PORTS or (url.port or _PORTS[url.scheme]) != place.port:
        return False
    try:
        return str(ip_address(url.hostname or "")) in place.hosts
    except ValueError:
        return True
