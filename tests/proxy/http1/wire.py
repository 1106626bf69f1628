"""A connection without sockets: bytes of both sides go in, and what the layer sends to either comes out."""

from __future__ import annotations

from collections.abc import Callable

from mitmproxy.connection import Connection, ConnectionState
from mitmproxy.options import Options
from mitmproxy.proxy import commands, context, events, layer
from mitmproxy.test import tflow

from proxy.http1.call import RegisteredHook


class Wire:
    """Drives a layer as mitmproxy's server does."""

    def __init__(self, make: Callable[[context.Context], layer.Layer], *, unreachable: str | None = None) -> None:
        """Let `make` stand a layer in the connection's context; `unreachable` is why connecting upstream fails."""
        self.context = context.Context(tflow.tclient_conn(), Options())
        self.context.server.state = ConnectionState.CLOSED
        self._unreachable = unreachable
        self.to_service = b""
        self.to_access_point = b""
        self.opened = 0
        self.closed: set[str] = set()
        self.hooks: list[RegisteredHook] = []
        self.layer = make(self.context)
        self._deliver(events.Start())

    def service(self, data: bytes, *, step: int = 0) -> bytes:
        """The service sends bytes, `step` at a time if given; return what it gets for them."""
        return self._send(self.context.client, data, step)

    def access_point(self, data: bytes, *, step: int = 0) -> bytes:
        """The access point sends bytes; return what the service gets."""
        return self._send(self.context.server, data, step)

    def service_leaves(self) -> None:
        self._deliver(events.ConnectionClosed(self.context.client))

    def access_point_leaves(self) -> bytes:
        before = len(self.to_service)
        self._deliver(events.ConnectionClosed(self.context.server))
        return self.to_service[before:]

    def hook_completes(self) -> None:
        self._deliver(events.HookCompleted(self.hooks[-1], None))

    def _send(self, side: Connection, data: bytes, step: int) -> bytes:
        before = len(self.to_service)
        pieces = [data] if not step else [data[at : at + step] for at in range(0, len(data), step)]
        for piece in pieces:
            self._deliver(events.DataReceived(side, piece))
        return self.to_service[before:]

    def _deliver(self, event: events.Event) -> None:
        for command in list(self.layer.handle_event(event)):
            match command:
                case commands.SendData():
                    if command.connection is self.context.client:
                        assert "service" not in self.closed, "sent after the end"
                        self.to_service += command.data
                    else:
                        assert self.context.server.state is ConnectionState.OPEN
                        self.to_access_point += command.data
                case commands.OpenConnection():
                    self.opened += 1
                    if self._unreachable is None:
                        self.context.server.state = ConnectionState.OPEN
                    self._deliver(events.OpenConnectionCompleted(command, self._unreachable))
                case commands.CloseConnection():
                    self.closed.add("service" if command.connection is self.context.client else "access point")
                case RegisteredHook():
                    self.hooks.append(command)
                case _:
                    raise AssertionError(f"unexpected command {command}")
