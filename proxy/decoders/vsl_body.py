"""Bodies of VSL requests, in JSON or CBOR: what they write, and the one spelling in which they are sent on."""

from __future__ import annotations

import re

import msgspec

from proxy.decoders import vsl_media, vsl_node
from proxy.decoders.strict_json import NotStrictJson
from proxy.decoders.vsl_media import Form
from proxy.decoders.vsl_names import DOT_SEGMENTS, UUID
from proxy.decoders.vsl_node import is_text

_MODEL_ID = re.compile(r"(?=.{2,128}$)(/[A-Za-z0-9._:-]+)+")
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


def written(body: bytes, form: Form = vsl_media.JSON) -> Written:
    """Parse the body of a set (a node).

    Raises:
        BadNode: it is not a node; a node written twice by two spellings is ambiguous.
        NotStrictJson: it is not strict JSON.
        NotStrictCbor: it is not strict CBOR.
    """
    canonical = vsl_node.settable(form.parse(body))
    return Written(values=vsl_node.written(canonical), canonical=form.serialise(canonical))


def command(body: bytes, form: Form = vsl_media.JSON) -> Command:
    """Parse the body of a POST on a node.

    Raises:
        NotStrictJson: it is not an object with an operation and, at most, a callback id.
        NotStrictCbor: it is not strict CBOR.
    """
    parsed = form.parse(body)
    if not isinstance(parsed, dict) or not is_text(parsed.get("operation")):
        # An access point would take a number for the position of an operation in its own list.
        raise NotStrictJson("the body has no operation")
    canonical = {"operation": parsed["operation"]}
    callback = parsed.get("callbackId")
    if callback is not None:
        if not is_text(callback) or not UUID.fullmatch(callback):
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

    The model id may be empty or missing, which the middleware takes for the same: it then makes no nodes.

    Raises:
        NotStrictJson: what stands in the place of the model or of a hash is none.
        NotStrictCbor: it is not strict CBOR.
    """
    parsed = form.parse(body)
    if not isinstance(parsed, dict):
        raise NotStrictJson("the body is not an object")
    model = parsed.get("modelId")
    if model is None:
        model = ""
    if not is_text(model) or (model and not (_MODEL_ID.fullmatch(model) and DOT_SEGMENTS.isdisjoint(model.split("/")))):
        raise NotStrictJson("the body names no model")
    canonical = {"modelId": model}
    for name in ("modelHash", "binaryHash"):
        value = parsed.get(name) or ""
        if not is_text(value) or not _HASH.fullmatch(value):
            raise NotStrictJson(f"{name} is not a hash")
        canonical[name] = value
    return model, form.serialise(canonical)
