"""Request targets of the VSL: which interface, which node, which parameters."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache

import msgspec

from proxy.decoders.vsl_names import DOT_SEGMENTS, UUID_PATTERN

_TARGET = re.compile(r"/[!-~]*")
_PATH = re.compile(r"[A-Za-z0-9._:~/-]*")
_LARGEST_TARGET = 2048
_REMEMBERED = 1024
"""Targets whose reading is remembered: services call the same nodes again and again."""
_SCOPES = {
    "value": None,
    "complete": "COMPLETE",
    "comp": "COMPLETE",
    "c": "COMPLETE",
    "metadata": "METADATA",
    "meta": "METADATA",
    "m": "METADATA",
}
_PARAMETERS = frozenset({"depth", "scope", "version"})
_DEPTH = re.compile(r"[+-]?[0-9]{1,32}")
_DEPTHS = range(-(2**31), 2**31)
"""What an access point takes for a number; anything else counts as 0, as if there were none."""
_VERSION = re.compile(r"-1|[0-9]{1,9}")
_STREAM = re.compile(rf"({UUID_PATTERN})-([0-9]{{1,18}})")
_SEARCH = "search"
"""The search service of each agent, with providers below it and intersections (spec of the VSL, section 7)."""
_TYPE_SEARCH = "typeSearch"


class Interface(StrEnum):
    """What of a Knowledge Agent a target addresses."""

    NODE = "node"
    SEARCH = "search"
    REGISTER = "register"
    UNREGISTER = "unregister"
    CALLBACKS = "callbacks"
    STREAM = "stream"


class BadTarget(ValueError):
    """A target that is ambiguous or that no service has any business with. `code` is its refusal's code."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class Target(msgspec.Struct, frozen=True):
    """A parsed target."""

    interface: Interface
    address: str = ""
    """Node address, `~` resolved; of a SEARCH, that of the search service; empty for the others."""
    rest: str = ""
    """What is searched for; of a STREAM, its name."""
    depth: int = 0
    query: str = ""
    """The parameters in canonical form, with the question mark, or empty."""
    list_separators: bool = False
    """The address holds `//`, which only what is added to a list has."""
    invocation: tuple[str, str] | None = None
    """Callback id and serial of a STREAM."""

    def canonical(self) -> str:
        """Return the target in the one form that is sent on."""
        match self.interface:
            case Interface.NODE:
                return f"/vsl{self.address}{self.query}"
            case Interface.SEARCH:
                return f"/vsl{self.address}/{self.rest}{self.query}"
            case Interface.CALLBACKS:
                return "/callbacks"
            case Interface.STREAM:
                return f"/callback-stream/{self.rest}"
            case Interface.REGISTER | Interface.UNREGISTER:
                return f"/service/{self.interface.value}"


def _parameters(query: str) -> tuple[int, str]:
    if not query:
        return 0, ""
    found: dict[str, str] = {}
    for item in re.split("[&;]", query):
        name, separator, value = item.partition("=")
        if not separator or name not in _PARAMETERS:
            continue
        if name in found:
            raise BadTarget("ambiguous-target", f"the parameter {name} occurs twice")
        found[name] = value
    canonical: list[str] = []
    depth = 0
    if "depth" in found and _DEPTH.fullmatch(found["depth"]) and (asked := int(found["depth"])) in _DEPTHS:
        depth = max(asked, -1)  # the whole subtree is the most that any other negative number can mean
        canonical.append(f"depth={asked}")
    if scope := _SCOPES.get(found.get("scope", "").lower()):
        canonical.append(f"scope={scope}")
    if "version" in found and _VERSION.fullmatch(found["version"]):
        canonical.append(f"version={int(found['version'])}")
    return depth, "?" + "&".join(canonical) if canonical else ""


@lru_cache(_REMEMBERED)
def parse(target: str, own_address: str, agent: str) -> Target:
    """Parse a request target; `own_address` replaces `~`, and `/search` is that of `agent`.

    Raises:
        BadTarget: the target can be read in two ways, or lies outside the service interfaces.
    """
    if len(target) > _LARGEST_TARGET:
        raise BadTarget("target-too-long", f"the request target is longer than {_LARGEST_TARGET} characters")
    if not _TARGET.fullmatch(target):
        raise BadTarget("ambiguous-target", "the request target is not a path in printable ASCII")
    path, _, query = target.partition("?")
    if not _PATH.fullmatch(path):
        raise BadTarget(
            "ambiguous-target", "the path holds characters that access points and gateways read differently"
        )
    match _segments(path, agent):
        case ["service", "register" | "unregister" as what]:
            return Target(interface=Interface(what))
        case ["callbacks"]:
            return Target(interface=Interface.CALLBACKS)
        case ["callback-stream", name]:
            return _stream(name)
        case ["ka", *_]:
            raise BadTarget("knowledge-agent-interface", "only Knowledge Agents may call /ka/")
        case ["vsl", first, *rest] if first:
            return _node(own_address if first == "~" else f"/{first}", rest, query)
        case _:
            raise BadTarget("outside-the-interface", "the path is not one of /vsl/, /service/, /callbacks")


def _segments(path: str, agent: str) -> list[str]:
    """Return the segments of a path; a search that names no agent is one at the agent that is called."""
    segments = path.split("/")[1:]
    if not DOT_SEGMENTS.isdisjoint(segments):
        raise BadTarget("ambiguous-target", "the path holds dot segments")
    if segments[:2] == ["vsl", _SEARCH] and any(segments[2:]):
        segments.insert(1, agent)
    return segments


def _stream(name: str) -> Target:
    found = _STREAM.fullmatch(name)
    if found is None:
        raise BadTarget("ambiguous-target", "the path of a stream does not end with a callback id and a serial")
    return Target(interface=Interface.STREAM, rest=name, invocation=(found[1], found[2]))


def _node(root: str, rest: list[str], query: str) -> Target:
    if not root.startswith("/"):
        raise BadTarget("ambiguous-target", "the path holds ~, but it is not known which service is calling")
    if "~" in root or "~" in "".join(rest):
        raise BadTarget("ambiguous-target", "the path holds ~ at a place where it has no meaning")
    while rest and not rest[-1]:
        rest = rest[:-1]
    depth, canonical_query = _parameters(query)
    if root.count("/") == 1 and len(rest) > 1 and rest[0] in {_SEARCH, _TYPE_SEARCH}:
        return _search(f"{root}/{rest[0]}", rest[1:], canonical_query)
    return Target(
        interface=Interface.NODE,
        address="/".join([root, *rest]),
        depth=depth,
        query=canonical_query,
        list_separators="" in rest,
    )


def _search(service: str, rest: list[str], query: str) -> Target:
    """Return a search: one type, or several with `//` in between, of which only the common addresses are wanted."""
    searched = "/".join(rest)
    parts = searched.split("//")
    if any(not part or part.startswith("/") for part in parts):
        raise BadTarget("ambiguous-target", "a search holds more than two slashes in a row")
    if len(parts) > 1 and service.endswith(f"/{_TYPE_SEARCH}"):
        raise BadTarget("ambiguous-target", f"only /vsl/{_SEARCH}/ intersects types")
    return Target(interface=Interface.SEARCH, address=service, rest=searched, query=query)
