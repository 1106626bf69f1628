"""Forms of Thing Descriptions (TD 1.1, section 5.3.4): the request by which a consumer does something, over HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any, NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urljoin, urlsplit

import msgspec

from proxy.decoders.rest.thing_schema import NotUnderstood, Range

_SEGMENT = re.compile(r"[A-Za-z0-9._~:@!$&'()*,=+-]+")
_WHOLE_VARIABLE = re.compile(r"\{([A-Za-z0-9._%]{1,64})\}")
_PARAMETERS = re.compile(r"\{[?&]([A-Za-z0-9._%,*]{1,256})\}$")
_PARAMETER = re.compile(r"[!-$'-:<>-~]{1,128}")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
_LONGEST_HREF = 1024
_MOST_TEXTS = 32
"""Of one list: types, operation types, security definitions."""
_PORTS = {"http": 80, "https": 443}
LASTING = frozenset({"longpoll", "sse"})
"""Subprotocols of which each answer is one of the request's own."""


class Place(NamedTuple):
    """Where an access point is."""

    scheme: str
    """http or https."""
    hosts: frozenset[str]
    """Its addresses, as `str(ip_address(...))` writes them."""
    port: int

    def holds(self, url: SplitResult) -> bool:
        """Tell whether a URL is one of this access point."""
        try:
            port = url.port
        except ValueError:
            return False
        return (
            url.scheme == self.scheme
            and _host(url.hostname or "") in self.hosts
            and (port or _PORTS[self.scheme]) == self.port
            and url.username is None
        )

    @property
    def root(self) -> str:
        """Its URL."""
        host = min(self.hosts)
        return f"{self.scheme}://{f'[{host}]' if ':' in host else host}:{self.port}/"


def _host(name: str) -> str:
    try:
        return str(ip_address(name))
    except ValueError:
        return name


class Meaning(NamedTuple):
    """What an operation type of a form is."""

    operation: str
    """That of a route of a mapping document."""
    method: str | None
    """The method where the form names none (WoT HTTP binding); None: then nothing is sent."""


MEANINGS: Mapping[str, Meaning] = {
    "readproperty": Meaning("get", "GET"),
    "writeproperty": Meaning("set", "PUT"),
    "observeproperty": Meaning("subscribe", "GET"),
    "unobserveproperty": Meaning("unsubscribe", None),
    "invokeaction": Meaning("invoke", "POST"),
    "queryaction": Meaning("get", "GET"),
    "cancelaction": Meaning("delete", "DELETE"),
    "subscribeevent": Meaning("subscribe", "GET"),
    "unsubscribeevent": Meaning("unsubscribe", None),
    "readallproperties": Meaning("get", "GET"),
    "readmultipleproperties": Meaning("get", "GET"),
    "writeallproperties": Meaning("set", "PUT"),
    "writemultipleproperties": Meaning("set", "PUT"),
    "observeallproperties": Meaning("subscribe", "GET"),
    "unobserveallproperties": Meaning("unsubscribe", None),
    "subscribeallevents": Meaning("subscribe", "GET"),
    "unsubscribeallevents": Meaning("unsubscribe", None),
    "queryallactions": Meaning("get", "GET"),
}


class Form(msgspec.Struct, frozen=True):
    """One request that a consumer may make."""

    op: str
    method: str
    path: tuple[str, ...]
    """Segments as a mapping document has them: decoded, or `{v0}` where anything stands."""
    parameters: tuple[str, ...]
    """Names of those that a consumer may fill in."""
    fixed: tuple[tuple[str, str], ...]
    """Parameters that are always the same."""
    content_type: str
    lasting: bool
    events: bool
    """Server-sent events: the consumer says in Accept that it wants them."""
    security: tuple[str, ...] | None
    """Names of definitions; None where those of the Thing hold."""
    variables: tuple[tuple[str, str], ...] = ()
    """Of the path, with what the description calls them."""
    ranges: tuple[tuple[str, Range], ...] = ()
    """What parameters and variables may be, as far as that is described."""

    @property
    def written(self) -> str:
        """The path as a mapping document has it."""
        return "/" + "/".join(self.path)


def texts(value: object) -> list[str]:
    """Return what may be one text or a list of them, as far as anybody means it."""
    if isinstance(value, str):
        return [value]
    return [each for each in value[:_MOST_TEXTS] if isinstance(each, str)] if isinstance(value, list) else []


def read_forms(form: Mapping[str, Any], default: list[str], base: str, place: Place) -> Iterator[Form]:
    """Yield what a form stands for, one for each of its operation types.

    Args:
        form: As it stands in the description.
        default: Operation types of forms that name none.
        base: What relative references are relative to.
        place: The access point; forms that lead elsewhere are none of its.

    Raises:
        NotUnderstood: with the reason.
    """
    href = form.get("href")
    if not isinstance(href, str) or len(href) > _LONGEST_HREF or not href.isprintable():
        raise NotUnderstood("a form has no usable href")
    path, parameters, fixed = _target(href, base, place)
    content_type = form.get("contentType", "application/json")
    if not isinstance(content_type, str):
        raise NotUnderstood(f"the form {href[:80]!r} has a content type that is none")
    subprotocol = form.get("subprotocol")
    for op in dict.fromkeys(texts(form.get("op")) or default):
        meaning = MEANINGS.get(op)
        if meaning is None:
            raise NotUnderstood(f"the form {href[:80]!r} is for {op[:40]!r}, which is not known")
        method = form.get("htv:methodName", meaning.method)
        if method is None:
            continue
        if not isinstance(method, str) or method not in _METHODS:
            raise NotUnderstood(f"the form {href[:80]!r} has the method {str(method)[:20]!r}")
        lasting = meaning.operation == "subscribe"
        if lasting and not (subprotocol is None or (isinstance(subprotocol, str) and subprotocol in LASTING)):
            raise NotUnderstood(f"the form {href[:80]!r} has the subprotocol {str(subprotocol)[:40]!r}")
        yield Form(
            *(op, method, path, parameters, fixed),
            content_type=content_type.partition(";")[0].strip().lower(),
            lasting=lasting,
            events=lasting and subprotocol == "sse",
            security=tuple(texts(form["security"])) if "security" in form else None,
            variables=_variables(path, href, base),
        )


def _variables(path: tuple[str, ...], href: str, base: str) -> tuple[tuple[str, str], ...]:
    """Return the variables of a path that was read, with their names in the description."""
    if not any(each.startswith("{") for each in path):
        return ()
    raw = urlsplit(urljoin(base, _PARAMETERS.sub("", href))).path.split("/")[1:]
    found = [(each, _WHOLE_VARIABLE.fullmatch(name)) for each, name in zip(path, raw, strict=True)]
    return tuple((each[1:-1], unquote(name[1])) for each, name in found if name is not None)


def _target(href: str, base: str, place: Place) -> tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[str, str], ...]]:
    found = _PARAMETERS.search(href)
    names = [] if found is None else [unquote(name.removesuffix("*")) for name in found[1].split(",")]
    try:
        url = urlsplit(urljoin(base, href if found is None else href[: found.start()]))
        here = place.holds(url)
    except ValueError as error:
        raise NotUnderstood(f"the href {href[:80]!r} is no URL") from error
    if not here:
        raise NotUnderstood(f"the href {href[:80]!r} leads away from the access point")
    if not all(_PARAMETER.fullmatch(name) for name in names):
        raise NotUnderstood(f"the href {href[:80]!r} has a variable whose name is no parameter's")
    fixed = parse_qsl(url.query, keep_blank_values=True)
    if any("*" in value or not _PARAMETER.fullmatch(name) for name, value in fixed) or "{" in url.query:
        raise NotUnderstood(f"the query of the href {href[:80]!r} cannot be judged")
    if len({*names, *(name for name, _ in fixed)}) < len(names) + len(fixed):
        raise NotUnderstood(f"the href {href[:80]!r} names a parameter twice")
    return path_of(url), tuple(names), tuple(fixed)


def path_of(url: SplitResult) -> tuple[str, ...]:
    """Return the path of a URL as a mapping document has it.

    Raises:
        NotUnderstood: it cannot be judged.
    """
    segments = (url.path or "/").split("/")[1:]
    made = []
    for i, each in enumerate(segments):
        decoded = unquote(each)
        last = i == len(segments) - 1
        if _WHOLE_VARIABLE.fullmatch(each):
            made.append(f"{{v{i}}}")
        elif not each and last:
            made.append("")
        elif _BAD_PERCENT.search(each) or not _SEGMENT.fullmatch(decoded) or decoded in {".", ".."}:
            raise NotUnderstood(f"the path {url.path[:80]!r} cannot be judged")
        else:
            made.append(decoded)
    return tuple(made)
