"""Request targets of the VSL: which interface, which node, which parameters."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache

import msgspec

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
_DOTS = frozenset({".", ".."})
_DEPTH = re.compile(r"-1|[0-9]{1,4}")
_VERSION = re.compile(r"-1|[0-9]{1,9}")


class Interface(StrEnum):
    """What of a Knowledge Agent a target addresses."""

    NODE = "node"
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
    """Node address, `~` resolved; empty but for NODE."""
    depth: int = 0
    query: str = ""
    """The parameters in canonical form, with the question mark, or empty."""
    list_separators: bool = False
    """The address holds `//`, which only list and search operations have."""

    def canonical(self) -> str:
        """Return the target in the one form that is sent on."""
        match self.interface:
            case Interface.NODE:
                return f"/vsl{self.address}{self.query}"
            case Interface.CALLBACKS:
                return "/callbacks"
            case Interface.STREAM:
                return self.address
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
    if "depth" in found and _DEPTH.fullmatch(found["depth"]):
        depth = int(found["depth"])
        canonical.append(f"depth={depth}")
    if scope := _SCOPES.get(found.get("scope", "").lower()):
        canonical.append(f"scope={scope}")
    if "version" in found and _VERSION.fullmatch(found["version"]):
        canonical.append(f"version={int(found['version'])}")
    return depth, "?" + "&".join(canonical) if canonical else ""


@lru_cache(_REMEMBERED)
def parse(target: str, own_address: str) -> Target:
    """Parse a request target; `own_address` replaces `~`.

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
    segments = path.split("/")[1:]
    if not _DOTS.isdisjoint(segments):
        raise BadTarget("ambiguous-target", "the path holds dot segments")
    match segments:
        case ["service", "register" | "unregister" as what]:
            return Target(interface=Interface(what))
        case ["callbacks"]:
            return Target(interface=Interface.CALLBACKS)
        case ["callback-stream", _]:
            return Target(interface=Interface.STREAM, address=path)
        case ["ka", *_]:
            raise BadTarget("knowledge-agent-interface", "only Knowledge Agents may call /ka/")
        case ["vsl", first, *rest] if first:
            return _node(own_address if first == "~" else f"/{first}", rest, query)
        case _:
            raise BadTarget("outside-the-interface", "the path is not one of /vsl/, /service/, /callbacks")


def _node(root: str, rest: list[str], query: str) -> Target:
    if not root.startswith("/"):
        raise BadTarget("ambiguous-target", "the path holds ~, but it is not known which service is calling")
    if "~" in root or "~" in "".join(rest):
        raise BadTarget("ambiguous-target", "the path holds ~ at a place where it has no meaning")
    while rest and not rest[-1]:
        rest = rest[:-1]
    depth, canonical_query = _parameters(query)
    return Target(
        interface=Interface.NODE,
        address="/".join([root, *rest]),
        depth=depth,
        query=canonical_query,
        list_separators="" in rest,
    )
