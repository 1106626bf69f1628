"""Nobody may send without end."""

from __future__ import annotations

from mitmproxy.options import Options
from mitmproxy.proxy import commands, context, events, layer
from mitmproxy.test import tflow

from proxy.layers import LARGEST_CLIENT_HELLO, Allowance, BoundedClientTls, BoundedLayer


class Listening(layer.Layer):
    """Remembers what reaches it."""

    heard = b""

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        if isinstance(event, events.DataReceived):
            self.heard += event.data
        yield from ()


def of() -> context.Context:
    return context.Context(tflow.tclient_conn(), Options())


def test_an_allowance_is_used_up_and_begins_anew_with_a_judged_call() -> None:
    allowance = Allowance(1000, now=0.0)
    assert allowance.take(1000, now=0.0)
    assert not allowance.take(1, now=0.0)
    allowance.renew()
    assert allowance.take(1000, now=0.0)


def test_an_allowance_grows_so_that_a_quiet_service_never_uses_it_up() -> None:
    allowance = Allowance(1000, now=0.0)
    allowance.refills = True
    assert all(allowance.take(6, now=turn * 150.0) for turn in range(10_000))
    assert allowance.take(1000, now=2_000_000.0)


def test_what_goes_on_without_being_judged_is_cut_off() -> None:
    made, failures = of(), list[Exception]()
    bounded = BoundedLayer(made, Allowance(10, now=0.0), failures.append)
    child = Listening(made)
    bounded.stand_above(child)
    list(bounded.handle_event(events.Start()))
    assert list(bounded.handle_event(events.DataReceived(made.client, b"0123456789"))) == []
    (command,) = bounded.handle_event(events.DataReceived(made.client, b"x" * 100_000))
    assert isinstance(command, commands.CloseConnection)
    list(bounded.handle_event(events.DataReceived(made.client, b"more")))
    assert child.heard == b"0123456789"


def test_between_two_requests_time_alone_gives_nothing_back() -> None:
    allowance = Allowance(1000, now=0.0)
    assert allowance.take(1000, now=0.0)
    assert not allowance.take(1, now=100_000.0)


class Failing(layer.Layer):
    """Raises on whatever comes."""

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        yield from ()
        if isinstance(event, events.DataReceived):
            raise NotImplementedError("trailers")


def test_what_a_layer_cannot_cope_with_is_told_and_closed() -> None:
    made, failures = of(), list[Exception]()
    bounded = BoundedLayer(made, Allowance(10, now=0.0), failures.append)
    bounded.stand_above(Failing(made))
    list(bounded.handle_event(events.Start()))
    (command,) = bounded.handle_event(events.DataReceived(made.client, b"0"))
    assert isinstance(command, commands.CloseConnection)
    assert [str(error) for error in failures] == ["trailers"]


def test_a_client_hello_without_end_fails_the_handshake() -> None:
    made = of()
    Listening(made)
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
