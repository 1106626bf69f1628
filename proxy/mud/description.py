"""Writes a Manufacturer Usage Description (RFC 8520) of what is usual for a service type."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from models.relationship import Key
from proxy.mud.address import url_of
from proxy.mud.usage import Usage

type Json = dict[str, Any]
type Direction = Literal["from-device", "to-device"]

EXTENSION = "alleyes"
"""Name of the extension; its module is `config/mud/alleyes-mud.yang`."""
CACHE_HOURS = 48
_TCP = 6
_LONGEST_NAME = 64
_FAMILIES = ("ipv4", "ipv6")


class _Peer(NamedTuple):
    """Whom one entry concerns, and who opens the connection."""

    name: str
    match: Json
    initiated: Direction


def describe(usage: Usage, *, base: str, ports: Sequence[int], root_type: str, now: float) -> Json:
    """Return the description as RFC 8520 has it, ready for JSON (RFC 7951).

    Partners are told by `model`: the MUD URL of their type. What a service does to nodes of its own, and to the access
    point itself, goes to `my-controller`: the access point of the middleware.

    Args:
        usage: What is usual for the type.
        base: URL below which the files of all types lie (`address.base_url`).
        ports: TCP ports of the access points; none where they are not known: then any.
        root_type: Type of an access point's own address.
        now: Real time, s since the epoch.
    """
    url = url_of(base, usage.service_type)
    peers = list(_peers(usage, base, root_type))
    acls = [
        {
            "name": _acl_name(direction, family),
            "type": f"{family}-acl-type",
            "aces": {"ace": list(_entries(peers, direction, family, ports))},
        }
        for direction in ("from-device", "to-device")
        for family in _FAMILIES
    ]
    described: Json = {
        "mud-version": 1,
        "mud-url": url,
        "last-update": datetime.fromtimestamp(int(now), UTC).isoformat(),
        "cache-validity": CACHE_HOURS,
        "is-supported": True,
        "systeminfo": f"Services of the type {usage.service_type}, as alleyes learnt them",
        "extensions": [EXTENSION],
        "from-device-policy": _policy("from-device"),
        "to-device-policy": _policy("to-device"),
        "alleyes-mud:service-type": usage.service_type,
        "alleyes-mud:relationship": [_relationship(key) for key in usage.relationships if key.partner],
    }
    return {"ietf-mud:mud": described, "ietf-access-control-list:acls": {"acl": acls}}


def _acl_name(direction: str, family: str) -> str:
    return f"{direction}-{family}"


def _policy(direction: str) -> Json:
    return {"access-lists": {"access-list": [{"name": _acl_name(direction, family)} for family in _FAMILIES]}}


def _relationship(key: Key) -> Json:
    return {"partner-type": key.partner, "own": key.own, "operation": key.operation, "data-type": key.data_type}


def _peers(usage: Usage, base: str, root_type: str) -> Iterator[_Peer]:
    if any(key.own or key.partner == root_type for key in usage.relationships):
        yield _Peer("my-controller", {"my-controller": [None]}, "from-device")
    partners = sorted({key.partner for key in usage.relationships if key.partner and not key.own} - {root_type})
    for partner in partners:
        yield _Peer(f"to{partner}", {"model": url_of(base, partner)}, "from-device")
    for caller in usage.callers:
        yield _Peer(f"by{caller}", {"model": url_of(base, caller)}, "to-device")


def _entries(peers: Sequence[_Peer], direction: Direction, family: str, ports: Sequence[int]) -> Iterator[Json]:
    for number, peer in enumerate(peers):
        for port in ports or (None,):
            suffix = "" if port is None else f"-{port}"
            tcp: Json = {"ietf-mud:direction-initiated": peer.initiated}
            if port is not None:
                # The port is that of who is called, so that answers come from it.
                side = "destination-port" if direction == peer.initiated else "source-port"
                tcp[side] = {"operator": "eq", "port": port}
            yield {
                "name": _entry_name(number, peer.name, suffix),
                "matches": {"ietf-mud:mud": peer.match, family: {"protocol": _TCP}, "tcp": tcp},
                "actions": {"forwarding": "accept"},
            }


def _entry_name(number: int, name: str, suffix: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9]+", "-", name)
    start = f"{number}-"
    return f"{start}{plain[: _LONGEST_NAME - len(start) - len(suffix)]}{suffix}"
