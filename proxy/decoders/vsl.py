"""The VSL of DS2OS: REST requests of services to their Knowledge Agent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import ClassVar

import msgspec

from models.access import Access, Operation
from policy.verdict import Refusal, Sender
from proxy.decoders import strict_json, vsl_body, vsl_errors, vsl_exchange, vsl_rollback, vsl_target
from proxy.decoders.base import Answer, Decoded, Headers, Outbound, Request
from proxy.decoders.refusals import ambiguous, unsupported
from proxy.decoders.strict_json import NotStrictJson
from proxy.decoders.vsl_target import BadTarget, Interface, Target
from proxy.registry import SiteRegistry

_JSON = "application/json"
_OCTETS = "application/octet-stream"
_PASSED_ON = frozenset({"user-agent"})
_ONCE = frozenset({"host", "content-type", "content-length", "accept", "authorization", "upgrade", "expect"})
_TOLD = _PASSED_ON | _ONCE
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_WEBSOCKET = ("sec-websocket-key", "sec-websocket-version", "sec-websocket-protocol")
_LARGEST_HEADER_COUNT = 64
_LARGEST_HEADER_BYTES = 8192
_ROOT_TYPE = "/treeRoot"
"""Type of an agent's own address (spec of the VSL: `/` and `/agent1` are roots of this type)."""
_LIST_CHANGES = frozenset({"add", "del"})
_REMEMBERED = 512
"""Sets of header fields whose reading is remembered: services send the same with every call."""


class _Fields(msgspec.Struct, frozen=True):
    """The header fields of a request, checked."""

    by_name: Mapping[str, str]
    passed_on: Headers
    """Those that the access point gets."""


class _Asked(msgspec.Struct, frozen=True):
    """A request whose head has been understood, and who sent it."""

    request: Request
    fields: _Fields
    target: Target
    sender: Sender
    now: int
    delegation: str | None


class _Refused(Exception):
    """Carries a refusal, and what monitoring may send on, out of the parsing functions."""

    def __init__(self, refusal: Refusal, outbound: Outbound | None = None) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal
        self.outbound = outbound


@dataclass(frozen=True)
class VslDecoder:
    """Decoder for one Knowledge Agent.

    `authority` is its address and port, for the Host header; `most_accesses` bounds the nodes of one call.
    """

    agent: str
    authority: str
    registry: SiteRegistry
    most_accesses: int

    _COMMANDS: ClassVar[dict[str, Operation]] = {
        "SUBSCRIBE": Operation.SUBSCRIBE,
        "UNSUBSCRIBE": Operation.UNSUBSCRIBE,
        "NOTIFY": Operation.NOTIFY,
        "LOCK_SUBTREE": Operation.LOCK,
        "COMMIT_SUBTREE": Operation.COMMIT,
        "ROLLBACK_SUBTREE": Operation.ROLLBACK,
    }

    def decode(self, request: Request, sender: Sender, now: int, delegation: str | None) -> Decoded:
        """Decode a request (see `proxy.decoders.base.Decoder`)."""
        try:
            fields = _read_fields(request.headers)
            target = vsl_target.parse(request.target, sender.address)
            asked = _Asked(request, fields, target, sender, now, delegation)
            return _with_unknown_nodes_refused(self._dispatch(asked))
        except BadTarget as bad:
            return Decoded(refusal=ambiguous(bad.code, str(bad)))
        except NotStrictJson as bad:
            return Decoded(refusal=ambiguous("ambiguous-body", str(bad)))
        except _Refused as refused:
            return Decoded(refusal=refused.refusal, outbound=refused.outbound)

    def _dispatch(self, asked: _Asked) -> Decoded:
        method, target = asked.request.method, asked.target
        if "authorization" in asked.fields.by_name:
            raise _Refused(ambiguous("delegation-not-allowed", "only Knowledge Agents may act for a service"))
        upgrade = asked.fields.by_name.get("upgrade")
        if upgrade is not None and (upgrade.lower() != "websocket" or target.interface is not Interface.CALLBACKS):
            raise _Refused(ambiguous("upgrade-not-allowed", f"an upgrade to {upgrade!r} is not part of the protocol"))
        match method, target.interface:
            case "GET", Interface.NODE:
                return self._get(asked)
            case "PUT", Interface.NODE:
                return self._set(asked)
            case "POST", Interface.NODE:
                return self._post(asked)
            case "GET", Interface.CALLBACKS if upgrade is not None:
                return self._callbacks(asked)
            case "POST", Interface.REGISTER:
                return self._register(asked)
            case "GET" | "PUT" | "POST" | "OPTIONS", _:
                detail = f"{method} {target.canonical()} is not supported"
                raise self._unless_lifted(asked, unsupported("unsupported-operation", detail))
            case _:
                raise _Refused(
                    ambiguous("method-not-allowed", f"the method {method[:16]!r} is not part of the protocol")
                )

    def _outbound(self, asked: _Asked, *, body: bytes | None = None) -> Outbound:
        """Return the request to send on: our own header fields, never the sender's, but for a few harmless ones.

        Args:
            asked: What was asked.
            body: What was judged, as JSON; the sender's own body where nothing was made of it.
        """
        request = asked.request
        content = request.body if body is None else body
        headers = [("host", self.authority), *asked.fields.passed_on]
        if content or request.method in {"PUT", "POST"}:
            content_type = _JSON if body is not None else asked.fields.by_name.get("content-type")
            if content_type is not None:
                headers.append(("content-type", content_type))
            headers.append(("content-length", str(len(content))))
        if asked.delegation is not None:
            headers.append(("authorization", asked.delegation))
        return Outbound(method=request.method, target=asked.target.canonical(), headers=tuple(headers), body=content)

    def _unless_lifted(self, asked: _Asked, refusal: Refusal) -> _Refused:
        """Return a refusal that obeys the mode: where it does not hold, the request is sent as it came."""
        return _Refused(refusal, self._outbound(asked))

    def _access(self, asked: _Asked, address: str, operation: Operation, value: str | None = None) -> Access:
        sender, node = asked.sender, self.registry.node(address)
        return Access(
            time=asked.now,
            source=sender.address,
            source_type=sender.service_type,
            source_location=self.registry.location(sender.address),
            destination=node.service,
            destination_type=_ROOT_TYPE if self.registry.is_root(node.service) else node.service_type,
            destination_location=node.location,
            node=address,
            operation=operation,
            data_type=node.data_type,
            value=value,
        )

    def _spread(self, asked: _Asked, operation: Operation, outbound: Outbound) -> Decoded:
        """Return one access for each node that the target reaches."""
        target = asked.target
        nodes = list(islice(self.registry.subtree(target.address, target.depth), self.most_accesses + 1))
        self._require_few(len(nodes), outbound)
        return Decoded(tuple([self._access(asked, node, operation) for node in nodes]), outbound)

    def _require_few(self, count: int, outbound: Outbound) -> None:
        if count > self.most_accesses:
            raise _Refused(
                unsupported("too-many-nodes", f"the call touches more than {self.most_accesses} nodes"), outbound
            )

    def _require_address(self, asked: _Asked) -> None:
        if asked.target.list_separators:
            raise self._unless_lifted(
                asked, unsupported("unsupported-operation", "list and search operations are not supported")
            )

    def _require_json(self, asked: _Asked) -> None:
        content_type = asked.fields.by_name.get("content-type", "").split(";")[0].strip().lower()
        if content_type == _OCTETS:
            raise self._unless_lifted(asked, unsupported("unsupported-operation", "streams are not supported"))
        if content_type != _JSON:
            detail = f"a body of type {content_type[:48]!r} is not supported"
            raise self._unless_lifted(asked, unsupported("unsupported-body", detail))

    def _get(self, asked: _Asked) -> Decoded:
        if asked.request.body:
            raise _Refused(ambiguous("ambiguous-body", "a get carries a body"))
        self._require_address(asked)
        if asked.fields.by_name.get("accept", "").split(";")[0].strip() == _OCTETS:
            raise self._unless_lifted(asked, unsupported("unsupported-operation", "streams are not supported"))
        if self._changes_a_list(asked.target.address):
            raise self._unless_lifted(
                asked, unsupported("unsupported-operation", "changing a list by a get is not supported")
            )
        return self._spread(asked, Operation.GET, self._outbound(asked))

    def _changes_a_list(self, address: str) -> bool:
        segments = address.split("/")
        return not _LIST_CHANGES.isdisjoint(segments) and any(
            segment in _LIST_CHANGES and self.registry.is_list("/".join(segments[:index]))
            for index, segment in enumerate(segments)
        )

    def _set(self, asked: _Asked) -> Decoded:
        self._require_address(asked)
        self._require_json(asked)
        body = vsl_body.written(asked.request.body)
        outbound = self._outbound(asked, body=body.canonical)
        self._require_few(len(body.values), outbound)
        address = asked.target.address
        accesses = [
            self._access(asked, f"{address}/{path}" if path else address, Operation.SET, value)
            for path, value in body.values
        ]
        return Decoded(tuple(accesses) or (self._access(asked, address, Operation.SET),), outbound)

    def _post(self, asked: _Asked) -> Decoded:
        self._require_address(asked)
        self._require_json(asked)
        command = vsl_body.command(asked.request.body)
        outbound = self._outbound(asked, body=command.canonical)
        operation = self._COMMANDS.get(command.operation)
        if operation is None:
            raise _Refused(
                unsupported("unsupported-operation", f"the operation {command.operation[:32]!r} is not supported"),
                outbound,
            )
        if operation in {Operation.SUBSCRIBE, Operation.UNSUBSCRIBE}:
            return self._spread(asked, operation, outbound)
        return Decoded((self._access(asked, asked.target.address, operation),), outbound)

    def _register(self, asked: _Asked) -> Decoded:
        self._require_json(asked)
        model, canonical = vsl_body.registration(asked.request.body)
        sender = asked.sender
        location = self.registry.location(sender.address)
        access = Access(
            time=asked.now,
            source=sender.address,
            source_type=sender.service_type or model,
            source_location=location,
            destination=sender.address,
            destination_type=model,
            destination_location=location,
            node=sender.address,
            operation=Operation.REGISTER,
            data_type=model,
        )
        return Decoded((access,), self._outbound(asked, body=canonical), registers=True)

    def _callbacks(self, asked: _Asked) -> Decoded:
        headers = asked.fields.by_name
        if headers.get("sec-websocket-version") != "13" or not headers.get("sec-websocket-key"):
            raise _Refused(ambiguous("upgrade-not-allowed", "the WebSocket handshake is incomplete (RFC 6455)"))
        passed = [("host", self.authority), ("upgrade", "websocket"), ("connection", "Upgrade")]
        passed += [(name, headers[name]) for name in _WEBSOCKET if name in headers]
        passed.append(("accept", _without_binary(headers.get("accept", _JSON))))
        if asked.delegation is not None:
            passed.append(("authorization", asked.delegation))
        outbound = Outbound(method="GET", target=asked.target.canonical(), headers=tuple(passed), body=b"")
        channel = self._access(asked, f"/{self.agent}", Operation.CONNECT)
        return Decoded((channel,), outbound, opens_callbacks=True)

    def exchange(self, request: Request, sender: Sender, now: int, delegation: str) -> Decoded:
        """Decode what another Knowledge Agent asks for itself."""
        return vsl_exchange.decode(
            request, sender, now, agent=self.agent, authority=self.authority, delegation=delegation
        )

    def rollback(self, address: str, delegation: str | None) -> Outbound:
        """Return the request that ends the lock of whose credential that is on `address`, without effect."""
        return vsl_rollback.rollback(self.authority, address, delegation)

    def refuse(self, method: str) -> Answer:
        """Return 403 with the error body of the VSL, which its connectors turn into an exception."""
        return _error(method, vsl_errors.FORBIDDEN, vsl_errors.DENIED)

    def unavailable(self, method: str, message: str) -> Answer:
        """Return 503 with the error body of the VSL."""
        return _error(method, vsl_errors.UNAVAILABLE, message)


def _error(method: str, code: int, message: str) -> Answer:
    body = b"" if method == "HEAD" else strict_json.serialise(vsl_errors.error(code, message))
    headers = (("content-type", f"{_JSON};charset=utf-8"), ("connection", "close"))
    return Answer(status=code, headers=headers, body=body)


@lru_cache(_REMEMBERED)
def _read_fields(headers: Headers) -> _Fields:
    """Return the fields by name, and those that are passed on.

    Raises:
        _Refused: a field that decides on the meaning of the request occurs twice, or there are too many.
    """
    if len(headers) > _LARGEST_HEADER_COUNT or sum(len(n) + len(v) for n, v in headers) > _LARGEST_HEADER_BYTES:
        raise _Refused(ambiguous("headers-too-large", "more header fields than any service sends"))
    found: dict[str, str] = {}
    for name, value in headers:
        if name in found and (name in _ONCE or name in _WEBSOCKET):
            raise _Refused(ambiguous("ambiguous-headers", f"the header {name} occurs twice"))
        if name in _TOLD and not value.isascii():
            raise _Refused(ambiguous("ambiguous-headers", f"the header {name} holds more than ASCII"))
        if _CONTROL.search(value):
            raise _Refused(ambiguous("ambiguous-headers", f"the header {name} holds control characters"))
        found[name] = value
    if "host" not in found:
        raise _Refused(ambiguous("ambiguous-headers", "the header host is missing"))
    passed_on = [(name, value) for name, value in headers if name in _PASSED_ON]
    if (accept := found.get("accept")) is not None:
        passed_on.append(("accept", _without_binary(accept)))
    return _Fields(found, tuple(passed_on))


def _with_unknown_nodes_refused(decoded: Decoded) -> Decoded:
    for access in decoded.accesses:
        if access.destination_type is None and decoded.refusal is None:
            detail = f"nothing is known of {access.node}, so no model can judge the call"
            return msgspec.structs.replace(decoded, refusal=unsupported("unknown-node", detail))
    return decoded


def _without_binary(accept: str) -> str:
    """Return the wanted media types without those that this gateway cannot judge, where JSON is among them.

    Services take what they are given: a stock service that asks for CBOR or JSON works with JSON.
    """
    wanted = [part.strip() for part in accept.split(",")]
    return _JSON if any(part.split(";")[0].strip() == _JSON for part in wanted) else accept
