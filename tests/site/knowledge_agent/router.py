"""From a request to an answer: the HTTP layer of a Knowledge Agent (source: vsl-rest, sections 1 to 4)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tests.site.knowledge_agent.errors import KnowledgeAgentError, TransportError
from tests.site.knowledge_agent.identity import ANONYMOUS, Identity, from_certificate, from_delegation
from tests.site.knowledge_agent.lists import ADD
from tests.site.knowledge_agent.messages import (
    JSON,
    ErrorMessage,
    NodeMessage,
    OperationMessage,
    RegistrationMessage,
    decode,
    media_type,
    negotiate,
)
from tests.site.knowledge_agent.nodes import NodeTree, View, not_found
from tests.site.knowledge_agent.operations import Operations
from tests.site.knowledge_agent.peers import Peers
from tests.site.knowledge_agent.search import StructureRequest, search, structure_update
from tests.site.knowledge_agent.streams import OCTETS
from tests.site.knowledge_agent.wire import Request, Response, answer

ALLOW = "GET, HEAD, PUT, POST, OPTIONS"
CALLBACK_STREAM = "/callback-stream/"
SEARCH = "search"
TYPE_SEARCH = "typeSearch"
METADATA = frozenset({"metadata", "meta", "m"})
COMPLETE = frozenset({"complete", "comp", "c"})
NEEDS_CALLBACK = frozenset({"SUBSCRIBE", "LOCK_SUBTREE"})

_NUMBERS = range(-(2**31), 2**31)


class Router:
    """Answers requests for one agent."""

    def __init__(
        self,
        agent: str,
        tree: NodeTree,
        operations: Operations,
        peers: Peers,
        *,
        files: Mapping[str, bytes],
        plain: bool,
    ) -> None:
        """Route for an agent.

        Args:
            agent: its id.
            tree: its nodes.
            operations: what it does with them.
            peers: the agents that other addresses belong to.
            files: path to content, served to anybody, as the stock agent does its working directory.
            plain: there is no TLS, so no certificate; whoever delegates is believed.
        """
        self._agent = agent
        self._tree = tree
        self._operations = operations
        self._peers = peers
        self._files = files
        self._plain = plain

    def caller(self, request: Request) -> Identity | None:
        """Return who calls; None for an unknown one. Raises TransportError 401 for an unusable identity."""
        header = request.headers.get("authorization")
        if request.certificate is None:
            return from_delegation(header) if self._plain and header is not None else None
        identity = from_certificate(request.certificate)
        return from_delegation(header) if identity.ka and header is not None else identity

    def socket_owner(self, request: Request) -> Identity:
        """Return who opens a WebSocket: without a certificate it is accepted all the same."""
        return self.caller(request) or ANONYMOUS

    async def answer(self, request: Request) -> tuple[Response, Identity | None]:
        """Answer a request; also tell who it came from, as far as that is known."""
        caller: Identity | None = None
        try:
            if request.method == "OPTIONS":
                return _preflight(request), None
            if request.method == "GET" and request.path in self._files:
                return Response(200, {"Content-Type": "text/plain"}, self._files[request.path]), None
            caller = self.caller(request)
            return await self._route(request, caller), caller
        except KnowledgeAgentError as error:
            return _error(error.code, error.message), caller
        except TransportError as error:
            if request.method in {"GET", "POST"}:
                return _error(error.code, error.message), caller
            return Response(error.code), caller

    async def _route(self, request: Request, caller: Identity | None) -> Response:
        if request.method not in {"GET", "PUT", "POST"}:
            raise TransportError(405)
        if caller is None:
            raise TransportError(403)
        path = request.path
        if path.startswith("/vsl/"):
            return await self._on_node(request, caller, path.removeprefix("/vsl"))
        if path.startswith("/service/") and request.method == "POST":
            return self._on_service(request, caller)
        if path.startswith(CALLBACK_STREAM) and request.method in {"GET", "PUT"}:
            return self._on_callback_stream(request, path.removeprefix(CALLBACK_STREAM))
        if path.startswith("/ka/") and request.method == "POST":
            return self._on_agent(request)
        raise TransportError(405 if path == "/callbacks" else 404)

    async def _on_node(self, request: Request, caller: Identity, address: str) -> Response:
        own = f"/{self._agent}/{caller.client_id}"
        address = own + address[2:] if address == "/~" or address.startswith("/~/") else address
        if address.startswith(f"/{SEARCH}/"):
            address = f"/{self._agent}{address}"
        _, agent, *names = address.split("/")
        if agent != self._agent:
            callbacks = request.method == "POST" and _operation(request).operation in NEEDS_CALLBACK
            return await self._peers.forward(agent, request, caller, callbacks=callbacks)
        if names and names[0] in {SEARCH, TYPE_SEARCH} and len(names) > 1:
            return await self._search(request, names[0], "/".join(names[1:]))
        if request.method == "GET" and request.headers.get("accept") == OCTETS:
            return _octets(await self._operations.get_stream(caller, address))
        if request.method == "PUT" and request.headers.get("content-type") == OCTETS:
            await self._operations.set_stream(caller, address, request.body)
            return Response(204)
        if "" in names and (request.method != "GET" or ADD not in names):
            raise not_found(address)
        depth = _whole_number(request.query.get("depth"))
        if request.method == "GET":
            kind = negotiate(request.headers.get("accept"))
            node = await self._operations.get(caller, address, _view(request, depth))
            return answer(node, kind, "application/json; UTF-8" if kind == JSON else None)
        if request.method == "PUT":
            await self._operations.set(caller, address, _body(request, NodeMessage))
        else:
            await self._operations.post(caller, address, depth, _operation(request))
        return Response(204)

    async def _search(self, request: Request, provider: str, query: str) -> Response:
        if request.method != "GET":
            raise TransportError(501)
        kind = negotiate(request.headers.get("accept"))
        own = structure_update(self._agent, self._tree.root, StructureRequest())
        structures = [own, *await self._peers.structures()]
        if provider == SEARCH:
            found = NodeMessage(value=search(query, structures))
        else:
            found = NodeMessage(types=["/basic/text"], value=search(f"type/{query}", structures))
        return answer(found, kind, "application/json; UTF-8" if kind == JSON else None)

    def _on_callback_stream(self, request: Request, name: str) -> Response:
        if request.method == "GET":
            return _octets(self._operations.streams.get(name))
        self._operations.streams.put(name, request.body)
        return Response(204)

    def _on_service(self, request: Request, caller: Identity) -> Response:
        match request.path:
            case "/service/register":
                registration = _body(request, RegistrationMessage)
                address = self._operations.register(caller, registration.model_id)
                return answer(address, media_type(request.headers.get("content-type")))
            case "/service/unregister":
                _body(request, dict)
                self._operations.unregister(caller)
                return Response(204)
        raise TransportError(404)

    def _on_agent(self, request: Request) -> Response:
        from_agent = self._plain if request.certificate is None else from_certificate(request.certificate).ka
        if not from_agent:
            raise TransportError(403)
        if request.path != "/ka/requestKorUpdate":
            raise TransportError(501 if request.path == "/ka/handshake" else 404)
        update = structure_update(self._agent, self._tree.root, _body(request, StructureRequest))
        return answer(update, media_type(request.headers.get("content-type")))


def _body[T](request: Request, message: type[T]) -> T:
    return decode(request.body, media_type(request.headers.get("content-type")), message)


def _octets(data: bytes) -> Response:
    return Response(200, {"Content-Type": OCTETS}, data)


def _operation(request: Request) -> OperationMessage:
    return _body(request, OperationMessage)


def _view(request: Request, depth: int) -> View:
    scope = request.query.get("scope", "").lower()
    if scope in METADATA:
        return View(depth, values=False, metadata=True)
    return View(depth, metadata=scope in COMPLETE)


def _whole_number(text: str | None) -> int:
    """Return a depth; anything that is no number of 32 bits counts as 0."""
    number = int(text) if text is not None and re.fullmatch("[+-]?[0-9]{1,32}", text) else 0
    return number if number in _NUMBERS else 0


def _error(code: int, message: str) -> Response:
    return answer(ErrorMessage(code, message), JSON, "application/json;charset=utf-8", code)


def _preflight(request: Request) -> Response:
    headers = {"Allow": ALLOW}
    origin = request.headers.get("origin")
    if origin is not None:
        headers |= {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Credentials": "true",
            "Access-Control-Allow-Headers": "content-type",
            "Access-Control-Allow-Methods": ALLOW,
            "Access-Control-Max-Age": "3600",
            "Vary": "Origin",
        }
    return Response(200, headers)
