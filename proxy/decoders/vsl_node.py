"""Nodes of the VSL in bodies and messages (spec, section 3.1): checked, and written anew from what was understood."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeGuard

from proxy.decoders.strict_json import Number
from proxy.decoders.vsl_names import DOT_SEGMENTS

_NAME = re.compile(r"[A-Za-z0-9._:-]+(/[A-Za-z0-9._:-]+)*")
_INTEGER = re.compile(r"-?[0-9]{1,19}")
_ACCESS = frozenset({"r", "w", "-"})


class BadNode(ValueError):
    """What stands in the place of a node is none; the text says why."""


def canonical(node: Any) -> dict[str, Any]:
    """Return a node in the form in which it is sent on: known members only, values as the text that they are.

    Args:
        node: As `strict_json.parse` and `strict_cbor.parse` give it.

    Raises:
        BadNode: it is no node.
    """
    return _known(node, _MEMBERS)


def settable(node: Any) -> dict[str, Any]:
    """Return the same of a node that is to be set, of which only values count; the others may be anything.

    Raises:
        BadNode: it is no node.
    """
    return _known(node, _SETTABLE)


def _known(node: Any, members: Mapping[str, Callable[[str, Any], Any]]) -> dict[str, Any]:
    if not isinstance(node, dict):
        raise BadNode("a node must be an object")
    found: dict[str, Any] = {}
    for name, read in members.items():
        member = node.get(name)
        if member is not None:
            found[name] = read(name, member)
    children = node.get("children")
    if children is not None:
        if not isinstance(children, dict):
            raise BadNode("children must be an object")
        found["children"] = {_child(name): _known(child, members) for name, child in children.items()}
    return found


def written(node: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return what a set of a canonical node writes: (path relative to the node that is set, value as text).

    Raises:
        BadNode: a node is written twice, by two spellings of its path.
    """
    if "children" not in node:  # as in most sets
        return (("", node["value"]),) if "value" in node else ()
    values = tuple(_values(node, ""))
    if len({path for path, _ in values}) != len(values):
        raise BadNode("a node is written twice")
    return values


def _values(node: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    if "value" in node:
        yield path, node["value"]
    for name, child in node.get("children", {}).items():
        yield from _values(child, f"{path}/{name}" if path else name)


def _child(name: str) -> str:
    if not _NAME.fullmatch(name) or not DOT_SEGMENTS.isdisjoint(name.split("/")):
        raise BadNode(f"{name[:64]!r} is not the name of a child")
    return name


def is_text(value: Any) -> TypeGuard[str]:
    """Tell whether a parsed member is text, and not a number."""
    return isinstance(value, str) and not isinstance(value, Number)


def _value(_: str, member: Any) -> str:
    match member:
        case bool():
            return "true" if member else "false"
        case str():
            # A number too: its digits, without the mark that would make it a number again.
            return str(member)
        case _:
            raise BadNode("a node's value must be text or a number")


def _types(name: str, member: Any) -> list[str]:
    if not isinstance(member, list) or not all(map(is_text, member)):
        raise BadNode(f"{name} must be a list of texts")
    return member


def _integer(name: str, member: Any) -> Number:
    if not isinstance(member, Number) or not _INTEGER.fullmatch(member):
        raise BadNode(f"{name} must be an integer")
    return member


def _access(name: str, member: Any) -> str:
    if not is_text(member) or member not in _ACCESS:
        raise BadNode(f"{name} must be r, w or -")
    return str(member)


def _restrictions(name: str, member: Any) -> dict[str, str]:
    if not isinstance(member, dict) or not all(map(is_text, member.values())):
        raise BadNode(f"{name} must be an object of texts")
    return member


_MEMBERS: Mapping[str, Callable[[str, Any], Any]] = {
    "types": _types,
    "value": _value,
    "timestamp": _integer,
    "version": _integer,
    "access": _access,
    "restrictions": _restrictions,
}
_SETTABLE = {"value": _value}
