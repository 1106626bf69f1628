"""A service's side of the VSL REST protocol, written from vsl-rest sections 1 to 8."""

from __future__ import annotations

import asyncio
import ssl
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import cbor2
import msgspec

from tests.site.http_client import Connect, HttpConnection, HttpResponse, UnreachableError
from tests.site.websocket import Channel

JSON = "application/json"
CBOR = "application/cbor"
OCTETS = "application/octet-stream"
DUMMY = b"\0"
"""First byte of every stream, dropped by its receiver."""
FIRST_ERROR = 400
PING_INTERVAL = 150.0

type Node = dict[str, Any]
"""A node as in the JSON: `value`, `types`, `children`, ... as far as they were asked for."""
type Invocation = dict[str, Any]
"""A callback frame: `address`, `invoke`, and for VSET `data`."""
type StreamCallback = Callable[[str, bytes | None], bytes]
"""What to do on a stream of a node: the address, and what was received; returns what is sent where nothing was."""
type Callback = Callable[[Invocation], Node | None]
"""What to do on a callback; returns a node for VGET; may raise VslError."""


class VslError(Exception):
    """An error of the middleware."""

    def __init__(self, code: int, message: str) -> None:
        """Take the code and the text of the error body; the text is empty where the answer had no body."""
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message


class VslClient:
    """One service: a kept HTTP connection for calls and a WebSocket for callbacks.

    All calls raise VslError for an error answer and UnreachableError where no answer comes; both leave the client
    usable: the next call connects anew.
    """

    def __init__(
        self,
        connect: Connect,
        context: ssl.SSLContext | None,
        *,
        timeout: float = 30.0,
        host: str = "127.0.0.1:8081",
        headers: Mapping[str, str] | None = None,
        media_type: str = JSON,
    ) -> None:
        """Make a client, unconnected.

        Args:
            connect: gives connected TCP sockets from the service's own address to its access point.
            context: TLS with the service's certificate; None speaks plain.
            timeout: seconds to wait for an answer, connecting included.
            host: the `Host` header.
            headers: sent with every request, besides those of the protocol.
            media_type: of what it sends, and of what it wants most, callbacks included: JSON or CBOR.
        """
        self._connect = connect
        self._context = context
        self._timeout = timeout
        self._media_type = media_type
        wanted = JSON if media_type == JSON else f"{media_type}, {JSON}"
        self._headers = {"Host": host, "Accept": wanted, **(headers or {})}
        self._connection: HttpConnection | None = None
        self._turn = asyncio.Lock()
        self._callbacks: dict[str, Callback] = {}
        self._streams: dict[str, StreamCallback] = {}
        self._transfers: set[asyncio.Task[None]] = set()
        self._socket: HttpConnection | None = None
        self._channel: Channel | None = None
        self._pings: asyncio.Task[None] | None = None

    async def register(self, model_id: str) -> str:
        """Register as a service of this type; return the address of the own root node."""
        body = {"modelId": model_id, "modelHash": "", "binaryHash": ""}
        response = await self.request("POST", "/service/register", body)
        return _decoded(response, str)

    async def unregister(self) -> None:
        """End the registration; nodes and data stay."""
        await self.request("POST", "/service/unregister", {})

    async def get(self, address: str, *, depth: int = 0, scope: str | None = None) -> Node:
        """Read a node; scope `METADATA` or `COMPLETE`, by default the value."""
        query = "&".join([*([f"depth={depth}"] if depth else []), *([f"scope={scope}"] if scope else [])])
        response = await self.request("GET", f"/vsl{address}{'?' if query else ''}{query}", None)
        return _decoded(response, dict[str, Any])

    async def value(self, address: str) -> str | None:
        """Read a node's value; None if it has none."""
        return (await self.get(address)).get("value")

    async def set(self, address: str, value: str | Node) -> None:
        """Write a value, or several with a node."""
        await self.request("PUT", f"/vsl{address}", {"value": value} if isinstance(value, str) else value)

    async def subscribe(self, address: str, callback: Callback, *, depth: int = 0) -> None:
        """Have `callback` called on every change; open the callbacks first."""
        await self._post(address, "SUBSCRIBE", callback, depth)

    async def unsubscribe(self, address: str, *, depth: int = 0) -> None:
        """End subscriptions."""
        await self._post(address, "UNSUBSCRIBE", None, depth)

    async def notify(self, address: str) -> None:
        """Tell the subscribers of a node."""
        await self._post(address, "NOTIFY")

    async def lock(self, address: str, callback: Callback | None = None) -> None:
        """Lock a subtree; with a callback that hears when it is acquired, will expire and has expired."""
        await self._post(address, "LOCK_SUBTREE", callback)

    async def commit(self, address: str) -> None:
        """Make the writes under the lock real and end it."""
        await self._post(address, "COMMIT_SUBTREE")

    async def rollback(self, address: str) -> None:
        """Drop the writes under the lock and end it."""
        await self._post(address, "ROLLBACK_SUBTREE")

    async def register_virtual_node(
        self, address: str, callback: Callback, stream: StreamCallback | None = None
    ) -> None:
        """Answer for a node: the callback gets VGET and VSET; `stream` what is wanted or sent as a stream."""
        callback_id = await self._post(address, "REGISTER_VIRTUAL_NODE", callback)
        if stream is not None:
            self._streams[callback_id] = stream

    async def unregister_virtual_node(self, address: str) -> None:
        """Answer for it no longer."""
        await self._post(address, "UNREGISTER_VIRTUAL_NODE")

    async def add(self, address: str, model_id: str, name: str = "", position: int | None = None) -> str:
        """Add an element to a list; return its address."""
        at = "" if position is None else f"/{position}"
        named = f"//{name}" if name else ""
        return str(await self.value(f"{address}/add{at}{model_id}{named}"))

    async def delete(self, address: str, name: str) -> None:
        """Delete an element of a list."""
        await self.get(f"{address}/del/{name}")

    async def elements(self, address: str) -> list[str]:
        """Return the names of a list's elements."""
        return list(filter(None, str(await self.value(f"{address}/elements")).split(";")))

    async def search(self, *type_ids: str) -> list[str]:
        """Return the addresses that have all these types, at all agents."""
        query = "//".join(f"type{type_id}" for type_id in type_ids)
        return _addresses(await self.value(f"/search/{query}"))

    async def type_search(self, agent: str, type_id: str) -> list[str]:
        """Ask an agent directly."""
        return _addresses(await self.value(f"/{agent}/typeSearch{type_id}"))

    async def get_stream(self, address: str) -> bytes:
        """Read the stream of a virtual node."""
        response = await self._send("GET", f"/vsl{address}", {"Accept": OCTETS}, None)
        return response.body.removeprefix(DUMMY)

    async def set_stream(self, address: str, data: bytes) -> None:
        """Send a stream to a virtual node."""
        await self._send("PUT", f"/vsl{address}", {"Content-Type": OCTETS}, DUMMY + data)

    async def open_callbacks(self) -> None:
        """Open the WebSocket, if it is not open."""
        if self._socket is not None and not self._socket.closed:
            return
        self._socket = await HttpConnection.open(self._connect, self._context, self._timeout)
        self._channel = await self._socket.upgrade("/callbacks", self._headers, self._timeout)
        self._socket.listen(self._receive)
        if self._pings is None:
            self._pings = asyncio.create_task(self._keep_alive())

    async def request(self, method: str, target: str, body: object | None) -> HttpResponse:
        """Send any request, its body in the client's own form; return the answer unless it is an error."""
        if body is None:
            return await self._send(method, target, {}, None)
        if self._media_type == CBOR:
            return await self._send(method, target, {"Content-Type": CBOR}, _in_cbor(body))
        return await self._send(method, target, {"Content-Type": f"{JSON}; UTF-8"}, msgspec.json.encode(body))

    async def _send(self, method: str, target: str, own: Mapping[str, str], encoded: bytes | None) -> HttpResponse:
        headers = {**self._headers, **own}
        async with self._turn:
            if self._connection is None or self._connection.closed:
                self._connection = await HttpConnection.open(self._connect, self._context, self._timeout)
            response = await self._connection.request(method, target, headers, encoded, self._timeout)
        if response.status >= FIRST_ERROR:
            raise _error_of(response)
        return response

    async def close(self) -> None:
        """Close both connections, in an orderly way as far as the other side takes part in it."""
        for transfer in self._transfers:
            transfer.cancel()
        if self._pings is not None:
            self._pings.cancel()
        if self._channel is not None:
            self._channel.close()
        await asyncio.gather(*(each.end() for each in (self._connection, self._socket) if each is not None))

    async def _post(self, address: str, operation: str, callback: Callback | None = None, depth: int = 0) -> str:
        """Post an operation; return the callback id, empty where there is none."""
        body = {"operation": operation}
        if callback is not None:
            body["callbackId"] = str(uuid.uuid4())
            self._callbacks[body["callbackId"]] = callback
        await self.request("POST", f"/vsl{address}{f'?depth={depth}' if depth else ''}", body)
        return body.get("callbackId", "")

    def _receive(self, data: bytes) -> None:
        if self._channel is None or self._socket is None:
            return
        for message in self._channel.feed(data):
            if isinstance(message, bytes):
                frame = _from_cbor(message)
                self._channel.send(_in_cbor(self._answer(frame)))
            else:
                frame = msgspec.json.decode(message, type=dict[str, Any])
                self._channel.send(msgspec.json.encode(self._answer(frame)).decode())
            if frame["invoke"] in {"VGET_STREAM", "VSET_STREAM"} and frame["callbackId"] in self._streams:
                transfer = asyncio.create_task(self._transfer(frame))
                self._transfers.add(transfer)
                transfer.add_done_callback(self._transfers.discard)
        if not self._channel.open:
            self._socket.close()

    async def _transfer(self, frame: Invocation) -> None:
        """Open the stream that an invocation asks for."""
        stream = self._streams[frame["callbackId"]]
        target = f"/callback-stream/{frame['callbackId']}-{frame['serial']}"
        if frame["invoke"] == "VGET_STREAM":
            await self._send("PUT", target, {"Content-Type": OCTETS}, DUMMY + stream(frame["address"], None))
        else:
            response = await self._send("GET", target, {"Accept": OCTETS}, None)
            stream(frame["address"], response.body.removeprefix(DUMMY))

    def _answer(self, frame: Invocation) -> dict[str, Any]:
        answer = {"callbackId": frame["callbackId"], "serial": frame["serial"]}
        callback = self._callbacks.get(frame["callbackId"])
        if callback is None or frame["invoke"].endswith("_STREAM"):
            return answer
        try:
            data = callback(frame)
        except VslError as error:
            return answer | {"error": {"code": error.code, "message": error.message, "type": "VslException"}}
        return answer if data is None else answer | {"data": data}

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(PING_INTERVAL)
            if self._channel is not None and self._channel.open:
                self._channel.ping()


def _in_cbor(body: object) -> bytes:
    """Return a body as Jackson writes it."""
    plain = msgspec.to_builtins(body)
    if isinstance(plain, dict) and "callbackId" in plain:
        plain = plain | {"callbackId": uuid.UUID(plain["callbackId"]).bytes}
    return cbor2.dumps(plain, indefinite_containers=True)


def _from_cbor(message: bytes) -> Invocation:
    frame: Invocation = cbor2.loads(message)
    return frame | {"callbackId": str(uuid.UUID(bytes=frame["callbackId"]))}


def _decoded[T](response: HttpResponse, kind: type[T]) -> T:
    if response.media_type == CBOR:
        return msgspec.convert(cbor2.loads(response.body), kind)
    return msgspec.json.decode(response.body, type=kind)


def _addresses(value: str | None) -> list[str]:
    """Return the addresses in the value of a search: each begins with a slash, and two are in between."""
    return [f"/{address.strip('/')}" for address in (value or "").split("///") if address]


def _error_of(response: HttpResponse) -> VslError:
    if response.media_type != JSON:
        return VslError(response.status, "")
    try:
        body = msgspec.json.decode(response.body, type=dict[str, Any])
    except msgspec.DecodeError:
        return VslError(response.status, "")
    return VslError(int(body.get("code", response.status)), str(body.get("message", "")))


__all__ = ["Callback", "Connect", "Invocation", "Node", "UnreachableError", "VslClient", "VslError"]
