"""The VSL of DS2OS: REST requests of services to their Knowledge Agent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar

import msgspec

from models.access import Access, Operation
from policy.verdict import Refusal, Sender
from proxy.decoders import strict_json, vsl_body, vsl_errors, vsl_target
from proxy.decoders.base import Answer, Decoded, Headers, Outbound, Request
from proxy.decoders.refusals import ambiguous, unsupported
from proxy.decoders.strict_json import NotStrictJson
from proxy.decoders.vsl_target import BadTarget, Interface, Target
from proxy.registry import SiteRegistry, service_of

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
            headers = _single_headers(request.headers)
            target = vsl_target.parse(request.target, sender.address)
            return _with_unknown_nodes_refused(self._dispatch(request, headers, target, sender, now, delegation))
        except BadTarget as bad:
            return Decoded(refusal=ambiguous(bad.code, str(bad)))
        except NotStrictJson as bad:
            return Decoded(refusal=ambiguous("ambiguous-body", str(bad)))
        except _Refused as refused:
            return Decoded(refusal=refused.refusal, outbound=refused.outbound)

    def _dispatch(
        self,
        request: Request,
        headers: dict[str, str],
        target: Target,
        sender: Sender,
        now: int,
        delegation: str | None,
    ) -> Decoded:
        if "authorization" in headers:
            raise _Refused(ambiguous("delegation-not-allowed", "only Knowledge Agents may act for a service"))
        upgrade = headers.get("upgrade")
        if upgrade is not None and (upgrade.lower() != "websocket" or target.interface is not Interface.CALLBACKS):
            raise _Refused(ambiguous("upgrade-not-allowed", f"an upgrade to {upgrade!r} is not part of the protocol"))
        outbound = self._outbound(request, target, delegation)
        match request.method, target.interface:
            case "GET", Interface.CALLBACKS if upgrade is not None:
                return self._callbacks(headers, target, sender, now, delegation)
            case "GET", Interface.NODE:
                return self._get(headers, target, sender, now, outbound)
            case "PUT", Interface.NODE:
                return self._set(request, headers, target, sender, now, delegation)
            case "POST", Interface.NODE:
                return self._post(request, headers, target, sender, now, delegation)
            case "POST", Interface.REGISTER:
                return self._register(request, headers, target, sender, now, delegation)
            case "GET" | "PUT" | "POST" | "OPTIONS", _:
                raise _Refused(
                    unsupported("unsupported-operation", f"{request.method} {target.canonical()} is not supported"),
                    outbound,
                )
            case _:
                raise _Refused(
                    ambiguous("method-not-allowed", f"the method {request.method[:16]!r} is not part of the protocol")
                )

    def _outbound(
        self, request: Request, target: Target, delegation: str | None, *, body: bytes | None = None
    ) -> Outbound:
        """Return the request to send on: our own header fields, never the sender's, but for a few harmless ones."""
        content = request.body if body is None else body
        received = dict(request.headers)
        headers = [("host", self.authority)]
        headers += [(name, value) for name, value in request.headers if name in _PASSED_ON]
        if (accept := received.get("accept")) is not None:
            headers.append(("accept", _without_binary(accept)))
        if content or request.method in {"PUT", "POST"}:
            if (content_type := _JSON if body is not None else received.get("content-type")) is not None:
                headers.append(("content-type", content_type))
            headers.append(("content-length", str(len(content))))
        if delegation is not None:
            headers.append(("authorization", delegation))
        return Outbound(method=request.method, target=target.canonical(), headers=tuple(headers), body=content)

    def _access(self, sender: Sender, now: int, node: str, operation: Operation, value: str | None = None) -> Access:
        service = service_of(node)
        return Access(
            time=now,
            source=sender.address,
            source_type=sender.service_type,
            source_location=self.registry.location(sender.address),
            destination=service,
            destination_type=_ROOT_TYPE if self.registry.is_root(service) else self.registry.service_type(service),
            destination_location=self.registry.location(service),
            node=node,
            operation=operation,
            data_type=self.registry.data_type(node),
            value=value,
        )

    def _spread(
        self, sender: Sender, now: int, target: Target, operation: Operation, outbound: Outbound
    ) -> tuple[Access, ...]:
        nodes = tuple(islice(self.registry.subtree(target.address, target.depth), self.most_accesses + 1))
        self._require_few(len(nodes), outbound)
        return tuple(self._access(sender, now, node, operation) for node in nodes)

    def _require_few(self, count: int, outbound: Outbound) -> None:
        if count > self.most_accesses:
            raise _Refused(
                unsupported("too-many-nodes", f"the call touches more than {self.most_accesses} nodes"), outbound
            )

    def _require_address(self, target: Target, outbound: Outbound) -> None:
        if target.list_separators:
            raise _Refused(
                unsupported("unsupported-operation", "list and search operations are not supported"), outbound
            )

    def _get(self, headers: dict[str, str], target: Target, sender: Sender, now: int, outbound: Outbound) -> Decoded:
        if outbound.body:
            raise _Refused(ambiguous("ambiguous-body", "a get carries a body"))
        self._require_address(target, outbound)
        if headers.get("accept", "").split(";")[0].strip() == _OCTETS:
            raise _Refused(unsupported("unsupported-operation", "streams are not supported"), outbound)
        if self._changes_a_list(target.address):
            raise _Refused(unsupported("unsupported-operation", "changing a list by a get is not supported"), outbound)
        return Decoded(self._spread(sender, now, target, Operation.GET, outbound), outbound)

    def _changes_a_list(self, address: str) -> bool:
        segments = address.split("/")
        return any(
            segment in _LIST_CHANGES and self.registry.is_list("/".join(segments[:index]))
            for index, segment in enumerate(segments)
        )

    def _set(
        self,
        request: Request,
        headers: dict[str, str],
        target: Target,
        sender: Sender,
        now: int,
        delegation: str | None,
    ) -> Decoded:
        outbound = self._outbound(request, target, delegation)
        self._require_address(target, outbound)
        _require_json(headers, outbound)
        body = vsl_body.written(request.body)
        outbound = self._outbound(request, target, delegation, body=body.canonical)
        self._require_few(len(body.values), outbound)
        accesses = tuple(
            self._access(sender, now, f"{target.address}/{path}" if path else target.address, Operation.SET, value)
            for path, value in body.values
        )
        return Decoded(accesses or (self._access(sender, now, target.address, Operation.SET),), outbound)

    def _post(
        self,
        request: Request,
        headers: dict[str, str],
        target: Target,
        sender: Sender,
        now: int,
        delegation: str | None,
    ) -> Decoded:
        outbound = self._outbound(request, target, delegation)
        self._require_address(target, outbound)
        _require_json(headers, outbound)
        command = vsl_body.command(request.body)
        outbound = self._outbound(request, target, delegation, body=command.canonical)
        operation = self._COMMANDS.get(command.operation)
        if operation is None:
            raise _Refused(
                unsupported("unsupported-operation", f"the operation {command.operation[:32]!r} is not supported"),
                outbound,
            )
        if operation in {Operation.SUBSCRIBE, Operation.UNSUBSCRIBE}:
            return Decoded(self._spread(sender, now, target, operation, outbound), outbound)
        return Decoded((self._access(sender, now, target.address, operation),), outbound)

    def _register(
        self,
        request: Request,
        headers: dict[str, str],
        target: Target,
        sender: Sender,
        now: int,
        delegation: str | None,
    ) -> Decoded:
        outbound = self._outbound(request, target, delegation)
        _require_json(headers, outbound)
        model, canonical = vsl_body.registration(request.body)
        outbound = self._outbound(request, target, delegation, body=canonical)
        access = Access(
            time=now,
            source=sender.address,
            source_type=sender.service_type or model,
            source_location=self.registry.location(sender.address),
            destination=sender.address,
            destination_type=model,
            destination_location=self.registry.location(sender.address),
            node=sender.address,
            operation=Operation.REGISTER,
            data_type=model,
        )
        return Decoded((access,), outbound, registers=True)

    def _callbacks(
        self, headers: dict[str, str], target: Target, sender: Sender, now: int, delegation: str | None
    ) -> Decoded:
        if headers.get("sec-websocket-version") != "13" or not headers.get("sec-websocket-key"):
            raise _Refused(ambiguous("upgrade-not-allowed", "the WebSocket handshake is incomplete (RFC 6455)"))
        passed = [("host", self.authority), ("upgrade", "websocket"), ("connection", "Upgrade")]
        passed += [(name, headers[name]) for name in _WEBSOCKET if name in headers]
        passed.append(("accept", _without_binary(headers.get("accept", _JSON))))
        if delegation is not None:
            passed.append(("authorization", delegation))
        outbound = Outbound(method="GET", target=target.canonical(), headers=tuple(passed), body=b"")
        channel = self._access(sender, now, f"/{self.agent}", Operation.CONNECT)
        return Decoded((channel,), outbound, opens_callbacks=True)

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


def _single_headers(headers: Headers) -> dict[str, str]:
    """Return the fields by name.

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
    return found


def _with_unknown_nodes_refused(decoded: Decoded) -> Decoded:
    unknown = next((access for access in decoded.accesses if access.destination_type is None), None)
    if unknown is None or decoded.refusal is not None:
        return decoded
    refusal = unsupported("unknown-node", f"nothing is known of {unknown.node}, so no model can judge the call")
    return msgspec.structs.replace(decoded, refusal=refusal)


def _require_json(headers: dict[str, str], outbound: Outbound) -> None:
    content_type = headers.get("content-type", "").split(";")[0].strip().lower()
    if content_type == _OCTETS:
        raise _Refused(unsupported("unsupported-operation", "streams are not supported"), outbound)
    if content_type != _JSON:
        raise _Refused(
            unsupported("unsupported-body", f"a body of type {content_type[:48]!r} is not supported"), outbound
        )


def _without_binary(accept: str) -> str:
    """Return the wanted media types without those that this gateway cannot judge, where JSON is among them.

    Services take what they are given: a stock service that asks for CBOR or JSON works with JSON.
    """
    wanted = [part.strip() for part in accept.split(",")]
    return _JSON if any(part.split(";")[0].strip() == _JSON for part in wanted) else accept
