"""What goes over the wire, in JSON and CBOR (source: vsl-rest, sections 1.1, 3, 4 and 5)."""

from __future__ import annotations

import uuid
from typing import Any

import cbor2
import msgspec

from tests.site.knowledge_agent.errors import ERROR_TYPE, TransportError

JSON = "application/json"
CBOR = "application/cbor"
CALLBACK_ID = "callbackId"


class NodeMessage(msgspec.Struct, omit_defaults=True):
    """A node of a request or an answer; every member is optional."""

    types: list[str] | None = None
    value: Any = None
    """Text: whatever else was sent counts as the text that it was written as."""
    timestamp: int | None = None
    version: int | None = None
    access: str | None = None
    restrictions: dict[str, str] | None = None
    children: dict[str, NodeMessage] | None = None

    def __post_init__(self) -> None:
        """Make the value a text; raise TypeError where it is an object or an array."""
        if isinstance(self.value, bool):
            self.value = "true" if self.value else "false"
        elif isinstance(self.value, int | float):
            self.value = str(self.value)
        elif not isinstance(self.value, str | None):
            raise TypeError("a value is a text")


class OperationMessage(msgspec.Struct, rename="camel", omit_defaults=True):
    """Body of a POST on a node."""

    operation: str
    callback_id: str | None = None


class RegistrationMessage(msgspec.Struct, rename="camel"):
    """Body of a service's registration."""

    model_id: str = ""
    model_hash: str = ""
    binary_hash: str = ""


class ErrorMessage(msgspec.Struct):
    """Body of an error, and of a callback's `error`."""

    code: int
    message: str
    type: str = ERROR_TYPE


class Invocation(msgspec.Struct, rename="camel", omit_defaults=True):
    """Frame from the agent to a service."""

    callback_id: str
    serial: int
    address: str
    invoke: str
    identity: Any = None
    data: NodeMessage | None = None


class CallbackAnswer(msgspec.Struct, rename="camel", omit_defaults=True):
    """Frame from a service back to the agent."""

    callback_id: str
    serial: int
    data: NodeMessage | None = None
    error: ErrorMessage | None = None


def media_type(header: str | None) -> str:
    """Return the media type of a request body; raise TransportError 500 without one, 415 for an unsupported one."""
    if header is None:
        raise TransportError(500)
    name = header.split(";")[0].strip().lower()
    if name not in {JSON, CBOR}:
        raise TransportError(415)
    return name


def negotiate(accept: str | None) -> str:
    """Return the first supported type of an `Accept` header; raise TransportError 500 if there is none."""
    for item in (accept or "").split(","):
        name = item.split(";")[0].strip().lower()
        if name in {JSON, CBOR}:
            return name
        if name in {"*/*", "*"}:
            return JSON
    raise TransportError(500)


def decode[T](body: bytes, kind: str, message: type[T]) -> T:
    """Read a body or a frame; raise TransportError 400 if it cannot be read as such a message."""
    try:
        if kind == CBOR:
            return msgspec.convert(_with_text_ids(cbor2.loads(body)), message)
        return msgspec.json.Decoder(message, float_hook=str).decode(body)
    except (msgspec.DecodeError, cbor2.CBORDecodeError, UnicodeDecodeError) as error:
        raise TransportError(400) from error


def encode(message: object, kind: str) -> bytes:
    """Write a body or a frame; CBOR as Jackson does, with indefinite lengths and callback ids as 16 bytes."""
    if kind == JSON:
        return msgspec.json.encode(message)
    return cbor2.dumps(_with_byte_ids(msgspec.to_builtins(message)), indefinite_containers=True)


def _with_text_ids(data: Any) -> Any:
    if isinstance(data, dict) and isinstance(data.get(CALLBACK_ID), bytes):
        return data | {CALLBACK_ID: str(uuid.UUID(bytes=data[CALLBACK_ID]))}
    return data


def _with_byte_ids(data: Any) -> Any:
    if isinstance(data, dict) and CALLBACK_ID in data:
        return data | {CALLBACK_ID: uuid.UUID(data[CALLBACK_ID]).bytes}
    return data
