"""The supervisor's end of the control socket: HTTP and JSON, for root and the gateway's own user on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import msgspec
import structlog
from aiohttp import web

from proxy.control.messages import (
    NewPin,
    NewQuarantine,
    PinState,
    PolicyState,
    Problem,
    Quarantines,
    QuarantineState,
)
from proxy.control.peer import Peer, peer_of
from proxy.control.place import FILE, listening_socket, remove
from proxy.control.refusal import NotDone
from proxy.health import Status

LARGEST = 16 * 1024
"""Bytes of a request's body."""
_READ_SECONDS = 5.0
"""How long a body may take."""
LIFE_SECONDS = 30.0
"""How long a connection may live: a reload waits five seconds for the workers, everything else for nobody."""

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = structlog.get_logger("alleyes")


class ManagedQuarantines(Protocol):
    """Quarantines by hand (`proxy.supervisor.by_hand`)."""

    def all(self) -> Quarantines:
        """Return all of them."""
        ...

    def add(self, wanted: NewQuarantine, by: str) -> QuarantineState:
        """Enter one."""
        ...

    def delete(self, sender: str, by: str, why: str) -> QuarantineState:
        """End one."""
        ...


class ManagedFederation(Protocol):
    """What others contributed, and which version of it is in force (`proxy.supervisor.federation`)."""

    async def pin(self, wanted: NewPin, by: str) -> PinState:
        """Hold on to a version."""
        ...

    async def unpin(self, service_type: str, by: str) -> PinState:
        """Go on with the newest version."""
        ...


@dataclass
class ControlServer:
    """Serves what an operator asks for. On the supervisor's event loop; nothing of it is on the path of a call."""

    quarantines: ManagedQuarantines
    reload_policy: Callable[[str], Awaitable[PolicyState]]
    """Called with who wants it; raises `NotDone` with what is wrong with the file."""
    status: Callable[[], Status]
    on_broken: Callable[[str, BaseException], None]
    federation: ManagedFederation | None = None
    """None where the gateway is in none."""
    _runner: web.AppRunner | None = None
    _server: asyncio.Server | None = None
    _directory: Path = field(default=Path())

    async def open(self, directory: Path) -> None:
        """Serve from a state directory.

        Raises:
            OSError: the socket cannot be made.
        """
        listener = listening_socket(directory)
        self._directory = directory
        runner = self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        serve = runner.server
        assert serve is not None  # noqa: S101 -- `setup` makes it
        loop = asyncio.get_running_loop()

        def accept() -> web.RequestHandler:
            protocol = serve()
            loop.call_later(LIFE_SECONDS, protocol.force_close)
            return protocol

        self._server = await loop.create_unix_server(accept, sock=listener)

    async def close(self) -> None:
        """Serve no more."""
        if self._server is not None:
            self._server.close()
            remove(self._directory)
        if self._runner is not None:
            await self._runner.cleanup()

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=LARGEST, middlewares=[self._guard])
        application.add_routes(
            [
                web.get("/v1/quarantines", self._list),
                web.post("/v1/quarantines", self._add),
                web.delete(r"/v1/quarantines/{sender:.+}", self._delete),
                web.post("/v1/policy/reload", self._reload),
                web.get("/v1/status", self._status),
                web.post("/v1/federation/pins", self._pin),
                web.delete(r"/v1/federation/pins/{service_type:.+}", self._unpin),
            ]
        )
        return application

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let in who may, and answer in JSON whatever happens."""
        try:
            _permitted(request)
            return await handler(request)
        except NotDone as refused:
            return _problem(refused)
        except web.HTTPException as error:
            paths = (
                "GET or POST /v1/quarantines, DELETE /v1/quarantines/IDENTITY, POST /v1/policy/reload, GET /v1/status,"
                " POST /v1/federation/pins, DELETE /v1/federation/pins/TYPE"
            )
            return _problem(NotDone(error.status, error.reason, f"there are {paths}"))
        except Exception as error:  # noqa: BLE001 -- whoever asks must hear of it, and everything else goes on
            self.on_broken("control", error)
            return _problem(NotDone(500, f"the gateway failed: {type(error).__name__}", "see its log"))

    async def _list(self, _: web.Request) -> web.Response:
        return _answer(self.quarantines.all())

    async def _add(self, request: web.Request) -> web.Response:
        wanted = await _body(request, NewQuarantine, "send sender, reason, seconds")
        return _answer(self.quarantines.add(wanted, str(_permitted(request))), status=201)

    async def _delete(self, request: web.Request) -> web.Response:
        sender, why = request.match_info["sender"], request.query.get("reason", "")
        return _answer(self.quarantines.delete(sender, str(_permitted(request)), why))

    async def _reload(self, request: web.Request) -> web.Response:
        return _answer(await self.reload_policy(str(_permitted(request))))

    async def _pin(self, request: web.Request) -> web.Response:
        wanted = await _body(request, NewPin, "send service_type, version")
        return _answer(await self._federated().pin(wanted, str(_permitted(request))), status=201)

    async def _unpin(self, request: web.Request) -> web.Response:
        return _answer(await self._federated().unpin(request.match_info["service_type"], str(_permitted(request))))

    def _federated(self) -> ManagedFederation:
        if self.federation is None:
            raise NotDone(
                404, "this gateway shares its models with nobody", "add the section `federation` to gateway.yaml"
            )
        return self.federation

    async def _status(self, _: web.Request) -> web.Response:
        return _answer(self.status())


async def _body[Content: msgspec.Struct](request: web.Request, wanted: type[Content], remedy: str) -> Content:
    try:
        async with asyncio.timeout(_READ_SECONDS):
            body = await request.read()
        return msgspec.json.decode(body, type=wanted)
    except TimeoutError:
        raise NotDone(408, "the request did not come to its end", "send it at once") from None
    except msgspec.MsgspecError as error:
        raise NotDone(400, f"the body is not what it should be: {error}", remedy) from error


def _permitted(request: web.Request) -> Peer:
    connection = request.transport.get_extra_info("socket") if request.transport is not None else None
    if connection is None:
        raise NotDone(403, "it is not known who asks", "ask again")
    peer = peer_of(connection)
    if not peer.may_control:
        log.warning("control", detail=f"refused {peer}, process {peer.pid}: {request.method} {request.path[:100]}")
        raise NotDone(403, f"{peer} may not do that", f"use {FILE} as root, or as the gateway's own user")
    return peer


def _answer(content: msgspec.Struct, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(content), status=status, content_type="application/json")


def _problem(refused: NotDone) -> web.Response:
    problem = Problem(error=refused.error, remedy=refused.remedy, problems=list(refused.problems))
    return _answer(problem, refused.status)
