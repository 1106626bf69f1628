"""TLS layers with bounds: mitmproxy's own keep a ClientHello, and what comes while they connect, without any."""

from __future__ import annotations

from mitmproxy.proxy import commands, context, events, layer, layers

LARGEST_CLIENT_HELLO = 16 * 1024
"""The largest TLS record (RFC 8446, section 5.1); a service's first message fits many times."""


NOT_TLS = "what came is no TLS handshake; the access point is declared to speak TLS -- let the service call it by https"
_UNREADABLE = "Cannot parse ClientHello"
"""How mitmproxy begins to tell of it."""


class RefusingLayer(layer.Layer):
    """Closes a connection and forwards nothing."""

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        if isinstance(event, events.Start):
            yield commands.CloseConnection(self.context.client)


class BoundedClientTls(layers.ClientTLSLayer):
    """The TLS layer towards services, with a bound on what may come before the handshake is understood.

    The ClientHello is parsed anew with every packet, so that without a bound a few megabytes in small pieces would
    keep the event loop busy for half a minute.
    """

    def receive_handshake_data(self, data: bytes) -> layer.CommandGenerator[tuple[bool, str | None]]:
        """Fail the handshake where the ClientHello goes on and on."""
        if not self.client_hello_parsed and len(self.recv_buffer) + len(data) > LARGEST_CLIENT_HELLO:
            return False, f"the ClientHello is larger than {LARGEST_CLIENT_HELLO} bytes"
        done, problem = yield from super().receive_handshake_data(data)
        if problem is not None and problem.startswith(_UNREADABLE):
            # It would be quoted, and may be a call without TLS, with its credential.
            problem = NOT_TLS
        return done, problem


class BoundedServerTls(layers.ServerTLSLayer):
    """The TLS layer towards access points, with a bound on what may come while their connection is made.

    It keeps everything that a service sends in the meantime.
    """

    def __init__(self, of: context.Context, most: int) -> None:
        """Keep at most `most` bytes of the service."""
        super().__init__(of)
        self._most = most
        self._kept = 0

    def handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        """Close the connection of a service that sends on and on."""
        if self._paused is None:
            self._kept = 0
        elif isinstance(event, events.DataReceived) and event.connection is self.context.client:
            self._kept += len(event.data)
            if self._kept > self._most:
                self._paused_event_queue.clear()
                yield commands.CloseConnection(self.context.client)
                return
        yield from super().handle_event(event)
