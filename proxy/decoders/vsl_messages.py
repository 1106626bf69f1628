"""Messages of the VSL's callback channel (spec, section 5): checked, and written anew from what was understood.

An invocation goes from a Knowledge Agent to a service, one answer comes back. Both carry the callback id that the
service chose and the serial that the Knowledge Agent counts.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from models.access import Operation
from proxy.decoders import vsl_node, vsl_target
from proxy.decoders.strict_json import Number
from proxy.decoders.vsl_names import UUID
from proxy.decoders.vsl_node import is_text
from proxy.decoders.vsl_target import BadTarget, Interface

Correlation = tuple[str, str]
"""Callback id, in the text form of a UUID in lower case, and serial as a decimal."""

_SERIAL = re.compile(r"0|[1-9][0-9]{0,17}")
_CLIENT_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_ERROR_CODE = re.compile(r"[45][0-9]{2}")
_SEGMENTS_OF_A_SERVICE = 2

NOTIFY = "NOTIFY"
ABOUT_LOCKS = frozenset({"LOCK_AQUIRED", "LOCK_WILL_EXPIRE", "LOCK_EXPIRED"})
"""Invocations about the service's own locks: they tell the state of a call that was judged."""
ABOUT_SUBSCRIBERS = frozenset({"VSUBSCRIBE", "VUNSUBSCRIBE"})
"""Invocations that tell the owner of a virtual node of a call that was judged, as a rule without whose it was."""
WITHIN_VIRTUAL_NODES = {
    "VGET": Operation.GET,
    "VSET": Operation.SET,
    "VGET_STREAM": Operation.GET_STREAM,
    "VSET_STREAM": Operation.SET_STREAM,
    "VSUBSCRIBE": Operation.SUBSCRIBE,
    "VUNSUBSCRIBE": Operation.UNSUBSCRIBE,
}
"""Invocations of the owner of a virtual node: the operation of somebody else that each repeats."""
STREAMS = {"VGET_STREAM": True, "VSET_STREAM": False}
"""Whether the owner is to send: then it opens a PUT, else a GET (spec, section 8)."""


class NotAMessage(ValueError):
    """What came is no message of the protocol; the text says why."""


class Requester(msgspec.Struct, frozen=True):
    """For whom a Knowledge Agent says that it invokes the owner of a virtual node."""

    client_id: str
    agent: bool
    """It is a Knowledge Agent itself."""


class Invocation(msgspec.Struct, frozen=True):
    """What a Knowledge Agent wants of a service."""

    invoke: str
    address: str
    """The node, without parameters."""
    message: dict[str, Any]
    """The canonical form."""
    requester: Requester | None = None
    values: tuple[tuple[str, str], ...] = ()
    """What VSET writes: (path relative to the node, value)."""


class Answer(msgspec.Struct, frozen=True):
    """What a service says to an invocation."""

    message: dict[str, Any]
    """The canonical form."""
    failed: bool
    """It is an error."""


def correlation(parsed: Any) -> Correlation:
    """Return what a message belongs to.

    Raises:
        NotAMessage: it belongs to nothing.
    """
    if not isinstance(parsed, dict):
        raise NotAMessage("the frame is not an object")
    callback, serial = parsed.get("callbackId"), parsed.get("serial")
    if not is_text(callback) or not UUID.fullmatch(callback):
        raise NotAMessage("the frame has no callback id")
    if not isinstance(serial, Number) or not _SERIAL.fullmatch(serial):
        raise NotAMessage("the frame has no serial")
    return callback.lower(), str(serial)


def refusal(of: Correlation, error: dict[str, int | str]) -> dict[str, Any]:
    """Return the answer that tells a Knowledge Agent of an error, so that it does not wait."""
    return _begun(of) | {"error": error}


def invocation(parsed: dict[str, Any], of: Correlation) -> Invocation:
    """Return what a message of a Knowledge Agent wants. Of an unknown invocation only its node is read.

    Raises:
        NotAMessage: a member that the invocation needs is missing, or not what it should be.
    """
    invoke = parsed.get("invoke")
    if not is_text(invoke):
        # A service would take a number for the position of an invocation in its own list.
        raise NotAMessage("the frame does not say what it invokes")
    virtual = invoke in WITHIN_VIRTUAL_NODES
    address, query = _node(parsed.get("address"), virtual=virtual)
    message = _begun(of) | {"address": address + query, "invoke": invoke}
    if not virtual:
        return Invocation(invoke, address, message)
    requester, identity = _requester(parsed.get("identity"))
    if identity is not None:
        message["identity"] = identity
    values: tuple[tuple[str, str], ...] = ()
    if invoke == "VSET":
        try:
            data = vsl_node.canonical(parsed.get("data") or {})
            values = vsl_node.written(data)
        except vsl_node.BadNode as bad:
            raise NotAMessage(str(bad)) from bad
        message["data"] = data
    return Invocation(invoke, address, message, requester, values)


def answer(parsed: dict[str, Any], of: Correlation) -> Answer:
    """Return what a service says.

    Raises:
        NotAMessage: its node is no node, or its error is no error.
    """
    message = _begun(of)
    error, data = parsed.get("error"), parsed.get("data")
    if error is not None:
        message["error"] = _error(error)
    elif data is not None:
        try:
            message["data"] = vsl_node.canonical(data)
        except vsl_node.BadNode as bad:
            raise NotAMessage(str(bad)) from bad
    return Answer(message, failed=error is not None)


def _begun(of: Correlation) -> dict[str, Any]:
    callback, serial = of
    return {"callbackId": callback, "serial": Number(serial)}


def _node(address: Any, *, virtual: bool) -> tuple[str, str]:
    """Return the address of a node, and the parameters that an invocation within a virtual node may append to it."""
    if not is_text(address) or not address.startswith("/"):
        raise NotAMessage("the frame names no node")
    try:
        target = vsl_target.parse(f"/vsl{address}", "", "")
    except BadTarget as bad:
        raise NotAMessage(f"the frame names no node: {bad}") from bad
    if target.interface is not Interface.NODE or target.address.count("/") < _SEGMENTS_OF_A_SERVICE:
        raise NotAMessage("the frame names no node of a service")
    if not virtual and (target.list_separators or address != target.address):
        raise NotAMessage("the frame names more than a node")
    return target.address, target.query


def _requester(identity: Any) -> tuple[Requester | None, dict[str, Any] | None]:
    if identity is None:
        return None, None
    if not isinstance(identity, dict):
        raise NotAMessage("the identity is not an object")
    client_id, access_ids, agent = identity.get("clientId"), identity.get("accessIDs"), identity.get("ka")
    if not is_text(client_id) or not _CLIENT_ID.fullmatch(client_id):
        raise NotAMessage("the identity has no client id")
    canonical: dict[str, Any] = {"clientId": client_id}
    if access_ids is not None:
        if not isinstance(access_ids, list) or not all(map(is_text, access_ids)):
            raise NotAMessage("the access ids are not a list of texts")
        canonical["accessIDs"] = access_ids
    if agent is not None:
        if not isinstance(agent, bool):
            raise NotAMessage("the identity does not say whether it is a Knowledge Agent's")
        canonical["ka"] = agent
    return Requester(client_id, agent is True), canonical


def _error(error: Any) -> dict[str, Any]:
    if not isinstance(error, dict):
        raise NotAMessage("the error is not an object")
    code = error.get("code")
    if not isinstance(code, Number) or not _ERROR_CODE.fullmatch(code):
        # A Knowledge Agent answers whoever asked with this status.
        raise NotAMessage("the error has no code from 400 to 599")
    canonical: dict[str, Any] = {"code": code}
    for name in ("message", "type"):
        text = error.get(name)
        if text is not None:
            if not is_text(text):
                raise NotAMessage(f"the {name} of the error is not a text")
            canonical[name] = text
    return canonical
