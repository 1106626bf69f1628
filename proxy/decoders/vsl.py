"""The VSL of DS2OS: REST requests of services to their Knowledge Agent."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import ClassVar

import msgspec

from models.access import Access, Operation
from policy.verdict import Refusal, Sender
from proxy.decoders import (
    strict_json,
    vsl_body,
    vsl_delegation,
    vsl_errors,
    vsl_exchange,
    vsl_fields,
    vsl_lists,
    vsl_media,
    vsl_rollback,
    vsl_target,
)
from proxy.decoders.base import Answer, Decoded, Headers, OnBehalf, Outbound, Request
from proxy.decoders.refusals import HTTP2, ambiguous, unsupported
from proxy.decoders.strict_cbor import NotStrictCbor
from proxy.decoders.strict_json import NotStrictJson
from proxy.decoders.vsl_fields import BadFields, Fields
from proxy.decoders.vsl_frames import CallbackChannel
from proxy.decoders.vsl_media import Form
from proxy.decoders.vsl_node import BadNode
from proxy.decoders.vsl_streams import AwaitedStreams
from proxy.decoders.vsl_target import BadTarget, Interface, Target
from proxy.registry import ROOT_TYPE, SiteRegistry

_JSON = vsl_media.JSON.media_type
_METHODS = frozenset({"GET", "PUT", "POST", "OPTIONS"})
"""Those that a Knowledge Agent answers with something else than 405; the last is for browsers only."""


_WITH_BODY = frozenset({"PUT", "POST"})
_REMEMBERED = 512
"""Sets of header fields that are remembered as they are sent: services send the same with every call."""


class _Asked(msgspec.Struct, frozen=True):
    """A request whose head has been understood, and who sent it."""

    request: Request
    fields: Fields
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

    `authority` is its address and port, for the Host header; `most_accesses` bounds the nodes of one call; `streams`
    holds those that the Knowledge Agent waits for.
    """

    agent: str
    authority: str
    registry: SiteRegistry
    most_accesses: int
    streams: AwaitedStreams = field(default_factory=AwaitedStreams)

    _COMMANDS: ClassVar[dict[str, Operation]] = {
        "SUBSCRIBE": Operation.SUBSCRIBE,
        "UNSUBSCRIBE": Operation.UNSUBSCRIBE,
        "NOTIFY": Operation.NOTIFY,
        "LOCK_SUBTREE": Operation.LOCK,
        "COMMIT_SUBTREE": Operation.COMMIT,
        "ROLLBACK_SUBTREE": Operation.ROLLBACK,
        "REGISTER_VIRTUAL_NODE": Operation.REGISTER_VIRTUAL,
        "UNREGISTER_VIRTUAL_NODE": Operation.UNREGISTER_VIRTUAL,
    }

    @property
    def agency(self) -> VslDecoder:
        """Return itself: Knowledge Agents act for services."""
        return self

    def credential(self, _request: Request) -> None:
        """Return None: services have certificates, and no tokens."""
        return

    def in_words(self, line: str) -> str:
        """Return the line as it is: targets hold no credentials."""
        return line

    def decode(self, request: Request, sender: Sender, now: int, delegation: str | None) -> Decoded:
        """Decode a request (see `proxy.decoders.base.Decoder`)."""
        try:
            fields = vsl_fields.read(request.headers)
            target = vsl_target.parse(request.target, sender.address, self.agent)
            asked = _Asked(request, fields, target, sender, now, delegation)
            return _with_unknown_nodes_refused(self._dispatch(asked))
        except (BadFields, BadTarget) as bad:
            return Decoded(refusal=ambiguous(bad.code, str(bad)))
        except (NotStrictJson, NotStrictCbor, BadNode) as bad:
            return Decoded(refusal=ambiguous("ambiguous-body", str(bad)))
        except _Refused as refused:
            return Decoded(refusal=refused.refusal, outbound=refused.outbound)

    def _dispatch(self, asked: _Asked) -> Decoded:
        if "authorization" in asked.fields.by_name:
            raise _Refused(ambiguous("delegation-not-allowed", "only Knowledge Agents may act for a service"))
        if "upgrade" in asked.fields.by_name:
            _require_no_other_upgrade(asked)
        if asked.target.interface is Interface.NODE:
            return self._on_node(asked)
        match asked.request.method, asked.target.interface:
            case "GET", Interface.SEARCH:
                return self._search(asked)
            case "GET", Interface.CALLBACKS if "upgrade" in asked.fields.by_name:
                return self._callbacks(asked)
            case "POST", Interface.REGISTER:
                return self._register(asked)
            case "POST", Interface.UNREGISTER:
                return self._unregister(asked)
            case "GET" | "PUT", Interface.STREAM:
                return self._callback_stream(asked)
        raise self._no_such_operation(asked)

    def _on_node(self, asked: _Asked) -> Decoded:
        match asked.request.method:
            case "GET":
                return self._get(asked)
            case "PUT":
                return self._set(asked)
            case "POST":
                return self._post(asked)
        raise self._no_such_operation(asked)

    def _no_such_operation(self, asked: _Asked) -> _Refused:
        method = asked.request.method
        if method not in _METHODS:
            return _Refused(ambiguous("method-not-allowed", f"the method {method[:16]!r} is not part of the protocol"))
        detail = f"{method} {asked.target.canonical()} is not supported"
        return self._unless_lifted(asked, unsupported("unsupported-operation", detail))

    def _outbound(self, asked: _Asked, *, body: bytes | None = None, content_type: str | None = None) -> Outbound:
        """Return the request to send on: our own header fields, never the sender's, but for a few harmless ones.

        Args:
            asked: What was asked.
            body: What was judged, written anew; the sender's own body where nothing was made of it.
            content_type: The form that it was written in; the sender's own field by default.
        """
        request, fields = asked.request, asked.fields.by_name
        content = request.body if body is None else body
        passed_on = asked.fields.passed_on
        if request.method == "OPTIONS":
            passed_on += tuple([(name, fields[name]) for name in vsl_fields.PREFLIGHT if name in fields])
        length = None
        if content or request.method in _WITH_BODY:
            content_type = content_type or fields.get("content-type")
            length = len(content)
        headers = _headers(self.authority, passed_on, content_type, length, asked.delegation)
        return Outbound(method=request.method, target=asked.target.canonical(), headers=headers, body=content)

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
            destination_type=ROOT_TYPE if self.registry.is_root(node.service) else node.service_type,
            destination_location=node.location,
            node=address,
            operation=operation,
            data_type=node.data_type,
            value=value,
        )

    def _spread(self, asked: _Asked, operation: Operation, outbound: Outbound) -> Decoded:
        """Return one access for each node that the target reaches."""
        target = asked.target
        if target.depth and not self.registry.knows_below(target.address):
            detail = f"what lies below {target.address} is not known, so that no rule and no model can judge it"
            access = self._access(asked, target.address, operation)
            return Decoded((access,), outbound, unsupported("unknown-structure", detail))
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
            raise _Refused(ambiguous("ambiguous-target", "two slashes stand where only a get of a list has them"))

    def _require_no_body(self, asked: _Asked) -> None:
        if asked.request.body:
            raise _Refused(ambiguous("ambiguous-body", "a get carries a body"))

    def _form(self, asked: _Asked) -> Form:
        """Return the form of the body.

        Raises:
            _Refused: it is none that can be judged; obeys the mode.
        """
        content_type = asked.fields.content_type
        form = vsl_media.FORMS.get(content_type)
        if form is None:
            if content_type in vsl_media.XML:
                detail = "the body is XML, which the gateway cannot judge; let the service send JSON or CBOR"
                raise self._unless_lifted(asked, unsupported("xml-body", detail))
            detail = f"a body of type {content_type[:48]!r} is not supported"
            raise self._unless_lifted(asked, unsupported("unsupported-body", detail))
        return form

    def _get(self, asked: _Asked) -> Decoded:
        self._require_no_body(asked)
        changed = vsl_lists.change(asked.target, self._may_be_list)
        if asked.fields.by_name.get("accept") == vsl_media.STREAM:
            if changed is not None:
                raise _Refused(ambiguous("ambiguous-target", "a stream is asked for, and a list changed"))
            return self._stream(asked, Operation.GET_STREAM)
        if changed is None:
            return self._spread(asked, Operation.GET, self._outbound(asked))
        access = self._access(asked, changed.address, Operation.SET, changed.value)
        return Decoded((access,), self._outbound(asked), changes_nodes=True)

    def _may_be_list(self, address: str) -> bool:
        """Tell whether a node is a list, or nothing is known of it: a list may be new, or of another site's model."""
        return self.registry.is_list(address) or self.registry.data_type(address) is None

    def _search(self, asked: _Asked) -> Decoded:
        self._require_no_body(asked)
        return Decoded((self._access(asked, asked.target.address, Operation.GET),), self._outbound(asked))

    def _set(self, asked: _Asked) -> Decoded:
        self._require_address(asked)
        if asked.fields.by_name.get("content-type") == vsl_media.STREAM:
            return self._stream(asked, Operation.SET_STREAM)
        form = self._form(asked)
        body = vsl_body.written(asked.request.body, form)
        outbound = self._outbound(asked, body=body.canonical, content_type=form.media_type)
        self._require_few(len(body.values), outbound)
        address = asked.target.address
        accesses = [
            self._access(asked, f"{address}/{path}" if path else address, Operation.SET, value)
            for path, value in body.values
        ]
        return Decoded(tuple(accesses) or (self._access(asked, address, Operation.SET),), outbound)

    def _post(self, asked: _Asked) -> Decoded:
        self._require_address(asked)
        form = self._form(asked)
        command = vsl_body.command(asked.request.body, form)
        outbound = self._outbound(asked, body=command.canonical, content_type=form.media_type)
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
        form = self._form(asked)
        model, canonical = vsl_body.registration(asked.request.body, form)
        sender = asked.sender
        location = self.registry.location(sender.address)
        becomes = model or sender.service_type
        access = Access(
            time=asked.now,
            source=sender.address,
            source_type=sender.service_type or becomes,
            source_location=location,
            destination=sender.address,
            destination_type=becomes,
            destination_location=location,
            node=sender.address,
            operation=Operation.REGISTER,
            data_type=becomes,
        )
        outbound = self._outbound(asked, body=canonical, content_type=form.media_type)
        return Decoded((access,), outbound, changes_nodes=bool(model))

    def _unregister(self, asked: _Asked) -> Decoded:
        form = self._form(asked)
        canonical = vsl_body.unregistration(asked.request.body, form)
        access = self._access(asked, asked.sender.address, Operation.UNREGISTER)
        return Decoded((access,), self._outbound(asked, body=canonical, content_type=form.media_type))

    def _stream(self, asked: _Asked, operation: Operation) -> Decoded:
        """Decode a stream by its head: its bytes mean nothing to the middleware, and are bounded by the HTTP layer."""
        access = self._access(asked, asked.target.address, operation)
        return Decoded((access,), self._stream_outbound(asked), stream=True)

    def _stream_outbound(self, asked: _Asked) -> Outbound:
        if asked.request.method == "PUT":
            return self._outbound(asked, content_type=vsl_media.STREAM)
        outbound = self._outbound(asked)
        return msgspec.structs.replace(outbound, headers=(*outbound.headers, ("accept", vsl_media.STREAM)))

    def _callback_stream(self, asked: _Asked) -> Decoded:
        """Decode what an owner of a virtual node opens because the access point asked it to."""
        sends = asked.request.method == "PUT"
        fields, invocation = asked.fields.by_name, asked.target.invocation
        if fields.get("content-type" if sends else "accept") != vsl_media.STREAM:
            raise _Refused(ambiguous("ambiguous-headers", f"a stream is of type {vsl_media.STREAM} alone"))
        if not sends:
            self._require_no_body(asked)
        node = None
        if invocation is not None:
            node = self.streams.take(asked.sender.address, invocation, sends=sends)
        if node is None:
            raise _Refused(ambiguous("unexpected-stream", "the access point waits for no such stream of this service"))
        access = self._access(asked, node, Operation.SET_STREAM if sends else Operation.GET_STREAM)
        return Decoded((access,), self._stream_outbound(asked), stream=True, asked_for=True)

    def _callbacks(self, asked: _Asked) -> Decoded:
        headers = asked.fields.by_name
        if headers.get("sec-websocket-version") != "13" or not headers.get("sec-websocket-key"):
            raise _Refused(ambiguous("upgrade-not-allowed", "the WebSocket handshake is incomplete (RFC 6455)"))
        passed = [("host", self.authority), ("upgrade", "websocket"), ("connection", "Upgrade")]
        passed += [(name, headers[name]) for name in vsl_fields.WEBSOCKET if name in headers]
        passed.append(("accept", vsl_media.wanted(headers.get("accept", _JSON)) or _JSON))
        if asked.delegation is not None:
            passed.append(("authorization", asked.delegation))
        outbound = Outbound(method="GET", target=asked.target.canonical(), headers=tuple(passed), body=b"")
        channel = self._access(asked, f"/{self.agent}", Operation.CONNECT)
        return Decoded((channel,), outbound, opens_callbacks=True)

    def callbacks(self, service: str) -> CallbackChannel:
        """Return the decoder of the frames of a service's channel."""
        return CallbackChannel(service, self.registry, self.streams, self.most_accesses)

    def on_behalf(self, request: Request) -> OnBehalf:
        """Return whom the credential of another Knowledge Agent names."""
        return vsl_delegation.on_behalf(request)

    def exchange(self, request: Request, sender: Sender, now: int, delegation: str) -> Decoded:
        """Decode what another Knowledge Agent asks for itself."""
        if not request.target.startswith(vsl_exchange.PREFIX):
            return self.decode(request, sender, now, delegation)
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


@lru_cache(_REMEMBERED)
def _headers(
    authority: str, passed_on: Headers, content_type: str | None, length: int | None, delegation: str | None
) -> Headers:
    """Return the fields of a request that is sent on; `length` is None where it has no body."""
    headers = [("host", authority), *passed_on]
    if length is not None:
        if content_type is not None:
            headers.append(("content-type", content_type))
        headers.append(("content-length", str(length)))
    if delegation is not None:
        headers.append(("authorization", delegation))
    return tuple(headers)


def _require_no_other_upgrade(asked: _Asked) -> None:
    upgrade = asked.fields.by_name.get("upgrade")
    if upgrade is not None and upgrade.lower().startswith("h2"):
        raise _Refused(ambiguous("http2", HTTP2))
    if upgrade is not None and (upgrade.lower() != "websocket" or asked.target.interface is not Interface.CALLBACKS):
        raise _Refused(ambiguous("upgrade-not-allowed", f"an upgrade to {upgrade!r} is not part of the protocol"))


def _error(method: str, code: int, message: str) -> Answer:
    body = b"" if method == "HEAD" else strict_json.serialise(vsl_errors.error(code, message))
    headers = (("content-type", f"{_JSON};charset=utf-8"), ("connection", "close"))
    return Answer(status=code, headers=headers, body=body)


def _with_unknown_nodes_refused(decoded: Decoded) -> Decoded:
    for access in decoded.accesses:
        if access.destination_type is None and decoded.refusal is None:
            detail = f"nothing is known of {access.node}, so no model can judge the call"
            return msgspec.structs.replace(decoded, refusal=unsupported("unknown-node", detail))
    return decoded
