"""The callback channel of the VSL: frames that a Knowledge Agent and a service exchange over the WebSocket."""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import msgspec

from models.access import Access, Operation
from policy.verdict import Refusal
from proxy.decoders import strict_json, vsl_errors
from proxy.decoders.refusals import ambiguous, unsupported
from proxy.decoders.strict_json import NotStrictJson, Number
from proxy.registry import SiteRegistry, service_of

LARGEST_FRAME = 64 * 1024
_ADDRESS = re.compile(r"(/[A-Za-z0-9._:-]+){2,}")
_SERIAL = re.compile(r"[0-9]{1,18}")
_MOST_OUTSTANDING = 256
_ANSWER = ("callbackId", "serial", "data", "error")
_ACCESS_POINTS_OWN = frozenset({"LOCK_AQUIRED", "LOCK_WILL_EXPIRE", "LOCK_EXPIRED"})
"""Invocations about the service's own locks: they tell the state of a call that was judged."""


class Frame(msgspec.Struct, frozen=True):
    """What one frame means."""

    access: Access | None = None
    """The access it stands for; None where it belongs to a call that has been judged."""
    refusal: Refusal | None = None
    canonical: bytes = b""
    reply_if_refused: bytes = b""
    """What the other end must hear so that it does not wait for an answer; empty where it does not wait."""
    request: str = ""
    """The frame in the middleware's words, for the audit."""


@dataclass
class CallbackChannel:
    """One open channel: the frames of Knowledge Agent `agent` to and from the service at `service`."""

    service: str
    registry: SiteRegistry
    _outstanding: OrderedDict[tuple[str, str], None] = field(default_factory=OrderedDict)

    def from_access_point(self, content: bytes, *, text: bool, now: int) -> Frame:
        """Decode an invocation at event time `now` (ms)."""
        try:
            parsed = self._parse(content, text=text)
            callback, serial = _correlation(parsed)
        except NotStrictJson as bad:
            return Frame(refusal=ambiguous("ambiguous-frame", str(bad)), request="frame of the access point")
        invoke, address = parsed.get("invoke"), parsed.get("address")
        request = f"{str(invoke)[:32]} {str(address)[:200]}"
        denied = vsl_errors.error(vsl_errors.FORBIDDEN, vsl_errors.DENIED)
        reply = strict_json.serialise({"callbackId": callback, "serial": serial, "error": denied})
        if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
            detail = "the frame names no node"
            return Frame(refusal=ambiguous("ambiguous-frame", detail), reply_if_refused=reply, request=request)
        canonical = strict_json.serialise(
            {"callbackId": callback, "serial": serial, "address": str(address), "invoke": str(invoke)}
        )
        if invoke == "NOTIFY":
            access = self._notification(address, now)
            return Frame(access=access, canonical=canonical, reply_if_refused=reply, request=request)
        if isinstance(invoke, str) and invoke in _ACCESS_POINTS_OWN:
            return Frame(canonical=canonical, reply_if_refused=reply, request=request)
        refusal = unsupported("unsupported-operation", f"the invocation {str(invoke)[:32]!r} is not supported")
        return Frame(refusal=refusal, canonical=content, reply_if_refused=reply, request=request)

    def passed(self, frame: Frame) -> None:
        """Note that an invocation went to the service: its answer is expected."""
        parsed = json.loads(frame.canonical)
        self._outstanding[_correlation_key(parsed)] = None
        while len(self._outstanding) > _MOST_OUTSTANDING:
            self._outstanding.popitem(last=False)

    def from_service(self, content: bytes, *, text: bool) -> Frame:
        """Decode a service's answer; only one to an outstanding invocation is passed, its numbers as they stood."""
        try:
            parsed = self._parse(content, text=text)
            callback, serial = _correlation(parsed)
        except NotStrictJson as bad:
            return Frame(refusal=ambiguous("ambiguous-frame", str(bad)), request="frame of the service")
        request = f"answer {callback} {serial}"
        if (callback, serial) not in self._outstanding:
            detail = "the service answers an invocation that is not outstanding"
            return Frame(refusal=ambiguous("unexpected-answer", detail), request=request)
        del self._outstanding[(callback, serial)]
        answer = {name: parsed[name] for name in _ANSWER if name in parsed}
        return Frame(canonical=strict_json.serialise(answer), request=request)

    def _parse(self, content: bytes, *, text: bool) -> dict[str, Any]:
        if not text:
            raise NotStrictJson("the frame is not a text frame")
        if len(content) > LARGEST_FRAME:
            raise NotStrictJson(f"the frame is larger than {LARGEST_FRAME} bytes")
        parsed = strict_json.parse(content)
        if not isinstance(parsed, dict):
            raise NotStrictJson("the frame is not an object")
        return parsed

    def _notification(self, node: str, now: int) -> Access:
        """Return the access a NOTIFY stands for: the owner of the node notifies the subscriber."""
        owner = service_of(node)
        return Access(
            time=now,
            source=owner,
            source_type=self.registry.service_type(owner),
            source_location=self.registry.location(owner),
            destination=self.service,
            destination_type=self.registry.service_type(self.service),
            destination_location=self.registry.location(self.service),
            node=node,
            operation=Operation.NOTIFY,
            data_type=self.registry.data_type(node),
        )


def _correlation(parsed: dict[str, Any]) -> tuple[str, Number]:
    callback, serial = parsed.get("callbackId"), parsed.get("serial")
    if not isinstance(callback, str) or isinstance(callback, Number):
        raise NotStrictJson("the frame has no callback id")
    if not isinstance(serial, Number) or not _SERIAL.fullmatch(serial):
        raise NotStrictJson("the frame has no serial")
    return callback, serial


def _correlation_key(parsed: dict[str, Any]) -> tuple[str, str]:
    return str(parsed["callbackId"]), str(parsed["serial"])
