"""Layers of ours among mitmproxy's: what is not understood is closed, and nobody may send without end.

mitmproxy's own layers buffer a ClientHello, a request head, a chunk's size line, what comes while a call waits, and an
unfinished WebSocket message without any bound.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from mitmproxy.proxy import commands, context, events, layer, layers

LARGEST_CLIENT_HELLO = 16 * 1024
"""The largest TLS record (RFC 8446, section 5.1); a service's first message fits many times."""
HEAD_BYTES = 32 * 1024
"""Allowance for the head of a request, on top of its body."""
REFILL_PER_SECOND = 16.0
"""What the allowance of an open callback channel grows by: pings of a quiet service never use it up."""


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
        return (yield from super().receive_handshake_data(data))


class Allowance:
    """How many bytes a service may still send before something that it sent has been judged."""

    def __init__(self, most: int, now: float) -> None:
        """Begin full: `most` bytes, at monotonic time `now` (seconds)."""
        self._most = float(most)
        self._left = float(most)
        self._at = now
        self.refills = False
        """Whether time alone gives something back, as on a callback channel; between two requests it does not."""

    def renew(self) -> None:
        """Something that was sent has been judged: begin anew."""
        self._left = self._most

    def take(self, count: int, now: float) -> bool:
        """Use up `count` bytes at monotonic time `now`; return whether they were there."""
        refill = (now - self._at) * REFILL_PER_SECOND if self.refills else 0.0
        self._left = min(self._most, self._left + refill) - count
        self._at = now
        return self._left >= 0


class BoundedLayer(layer.Layer):
    """Lets through to `child` what the allowance of the connection permits, and closes the connection after that."""

    def __init__(self, of: context.Context, allowance: Allowance, on_failure: Callable[[Exception], None]) -> None:
        """Stand above the layer that `stand_above` names; `on_failure` hears of what it raises."""
        super().__init__(of)
        self._allowance = allowance
        self._on_failure = on_failure
        self._child: layer.Layer = RefusingLayer(of.fork())

    def stand_above(self, child: layer.Layer) -> None:
        """Pass events on to `child`, which must have been made after this layer."""
        self._child = child

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        if (
            isinstance(event, events.DataReceived)
            and event.connection is self.context.client
            and not self._allowance.take(len(event.data), time.monotonic())
        ):
            yield from self._give_up()
            return
        try:
            yield from self._child.handle_event(event)
        except Exception as error:  # noqa: BLE001 -- mitmproxy would leave the connection open, with nobody at its end
            self._on_failure(error)
            yield from self._give_up()

    def _give_up(self) -> layer.CommandGenerator[None]:
        self._child = RefusingLayer(self.context.fork())
        yield commands.CloseConnection(self.context.client)
