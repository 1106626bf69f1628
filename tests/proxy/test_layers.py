"""Nobody may send without end."""

from __future__ import annotations

from mitmproxy.connection import ConnectionState
from mitmproxy.options import Options
from mitmproxy.proxy import commands, context, events, layer
from mitmproxy.test import tflow

from proxy.layers import LARGEST_CLIENT_HELLO, NOT_TLS, BoundedClientTls, BoundedServerTls


class Connecting(layer.Layer):
    """Connects to the access point at once, and remembers what the service sends."""

    heard = b""

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        if isinstance(event, events.Start):
            opening = commands.OpenConnection(self.context.server)
            opening.blocking = False
            yield opening
        elif isinstance(event, events.DataReceived):
            self.heard += event.data


def of() -> context.Context:
    return context.Context(tflow.tclient_conn(), Options())


def test_what_comes_while_an_access_point_is_connected_to_is_bounded() -> None:
    made = of()
    made.server.state = ConnectionState.CLOSED
    tls = BoundedServerTls(made, 1000)
    tls.child_layer = Connecting(made)
    (opening,) = tls.handle_event(events.Start())
    assert isinstance(opening, commands.OpenConnection)
    assert list(tls.handle_event(events.DataReceived(made.client, b"x" * 1000))) == []
    (command,) = tls.handle_event(events.DataReceived(made.client, b"x"))
    assert isinstance(command, commands.CloseConnection)
    assert command.connection is made.client


def test_a_client_hello_without_end_fails_the_handshake() -> None:
    made = of()
    Connecting(made)
    tls = BoundedClientTls(made)
    record = bytes.fromhex("1603010001") + b"\x01"
    pieces = LARGEST_CLIENT_HELLO // len(record)
    for _ in range(pieces):
        assert list(tls.receive_handshake_data(record)) == []
    outcome = tls.receive_handshake_data(record)
    try:
        while True:
            next(outcome)
    except StopIteration as end:
        done, reason = end.value
    assert not done
    assert "ClientHello is larger" in reason


def test_a_call_without_tls_is_not_quoted() -> None:
    made = of()
    Connecting(made)
    tls = BoundedClientTls(made)
    outcome = tls.receive_handshake_data(b"GET /api/a-secret-token/lights HTTP/1.1\r\n\r\n")
    try:
        while True:
            next(outcome)
    except StopIteration as end:
        done, reason = end.value
    assert (done, reason) == (False, NOT_TLS)
