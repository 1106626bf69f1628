"""Bodies of VSL requests, in JSON or CBOR: what they write, and the one spelling in which they are sent on."""

from __future__ import annotations

import re
from typing import Any, TypeGuard

import msgspec

from proxy.decoders import vsl_media
from proxy.decoders.strict_json import NotStrictJson, Number
from proxy.decoders.vsl_media import Form

_RELATIVE_PATH = re.compile(r"[A-Za-z0-9._:-]+(/[A-Za-z0-9._:-]+)*")
_MODEL_ID = re.compile(r"(?=.{2,128}$)(/[A-Za-z0-9._:-]+)+")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DOTS = frozenset({".", ".."})
_HASH = re.compile(r"[A-Za-z0-9+/=:._-]*")


class Written(msgspec.Struct, frozen=True):
    """A body of a set, as parsed."""

    values: tuple[tuple[str, str], ...]
    """(path relative to the addressed node, empty for itself; value as text), in the order of the body."""
    canonical: bytes


class Command(msgspec.Struct, frozen=True):
    """A body of a POST on a node."""

    operation: str
    canonical: bytes


def _text(value: Any) -> str | None:
    """Return a node's value as the access point stores it, always text; None where the member is skipped."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case str():
            # A number too: its digits, without the mark that would make it a number again.
            return str(value)
        case _:
            raise NotStrictJson("a node's value must be text or a number")


def _canonical_node(node: Any, path: str, values: list[tuple[str, str]]) -> dict[str, Any]:
    if not isinstance(node, dict):
        raise NotStrictJson("a node must be an object")
    canonical: dict[str, Any] = {}
    value = _text(node.get("value"))
    if value is not None:
        canonical["value"] = value
        values.append((path, value))
    children = node.get("children")
    if children is None:
        return canonical
    if not isinstance(children, dict):
        raise NotStrictJson("children must be an object")
    canonical["children"] = {
        name: _canonical_node(child, _joined(path, name), values) for name, child in children.items()
    }
    return canonical


def _joined(path: str, name: str) -> str:
    if not _RELATIVE_PATH.fullmatch(name) or not _DOTS.isdisjoint(name.split("/")):
        raise NotStrictJson(f"{name!r} is not the name of a child")
    return f"{path}/{name}" if path else name


def written(body: bytes, form: Form = vsl_media.JSON) -> Written:
    """Parse the body of a set (a node).

    Raises:
        NotStrictJson: it is not an unambiguous node; a node written twice by two spellings is ambiguous too.
        NotStrictCbor: it is not strict CBOR.
    """
    values: list[tuple[str, str]] = []
    canonical = _canonical_node(form.parse(body), "", values)
    paths = [path for path, _ in values]
    if len(set(paths)) != len(paths):
        raise NotStrictJson("a node is written twice")
    return Written(values=tuple(values), canonical=form.serialise(canonical))


def _is_text(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and not isinstance(value, Number)


def command(body: bytes, form: Form = vsl_media.JSON) -> Command:
    """Parse the body of a POST on a node.

    Raises:
        NotStrictJson: it is not an object with an operation and, at most, a callback id.
        NotStrictCbor: it is not strict CBOR.
    """
    parsed = form.parse(body)
    if not isinstance(parsed, dict) or not _is_text(parsed.get("operation")):
        # An access point would take a number for the position of an operation in its own list.
        raise NotStrictJson("the body has no operation")
    canonical = {"operation": parsed["operation"]}
    callback = parsed.get("callbackId")
    if callback is not None:
        if not _is_text(callback) or not _UUID.fullmatch(callback):
            raise NotStrictJson("the callback id is not a UUID")
        canonical["callbackId"] = callback
    return Command(operation=canonical["operation"], canonical=form.serialise(canonical))


def unregistration(body: bytes, form: Form = vsl_media.JSON) -> bytes:
    """Parse the body that ends a registration, an object in which nothing counts; return the canonical one.

    Raises:
        NotStrictJson: it is not an object.
        NotStrictCbor: it is not strict CBOR.
    """
    if not isinstance(form.parse(body), dict):
        raise NotStrictJson("the body is not an object")
    return form.serialise({})


def registration(body: bytes, form: Form = vsl_media.JSON) -> tuple[str, bytes]:
    """Parse the body of a registration; return model id and canonical body.

    Raises:
        NotStrictJson: it names no model.
        NotStrictCbor: it is not strict CBOR.
    """
    parsed = form.parse(body)
    if not isinstance(parsed, dict):
        raise NotStrictJson("the body is not an object")
    model = parsed.get("modelId")
    if not _is_text(model) or not _MODEL_ID.fullmatch(model) or not _DOTS.isdisjoint(model.split("/")):
        raise NotStrictJson("the body names no model")
    canonical = {"modelId": model}
    for name in ("modelHash", "binaryHash"):
        value = parsed.get(name) or ""
        if not _is_text(value) or not _HASH.fullmatch(value):
            raise NotStrictJson(f"{name} is not a hash")
        canonical[name] = value
    return model, form.serialise(canonical)
