"""With everything denied, and whatever breaks, not one byte of a service reaches an access point."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.enforcement.conftest import DENY_EVERYTHING, LEARN, Bench, standing
from tests.enforcement.raw_service import BRIEF, PATIENCE
from tests.network.namespaces import Topology
from tests.site.faulty_gateway import HOOKS, PARTS, Faults
from tests.site.gateway_process import AGENT_PORT, FIRST_LISTEN_PORT, Settings, gateway_settings

GET = b"GET /vsl/agent1/lightcontrol1/lightOn HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\n\r\n"
PUT_CHUNKED = (
    b"PUT /vsl/agent1/lightcontrol1/lightOn HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    b'Transfer-Encoding: chunked\r\n\r\nb\r\n{"value":"1\r\n2\r\n"}\r\n0\r\n\r\n'
)
LARGE = b"PUT /vsl/agent1/x HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 6000000\r\n\r\n"
SOURCE = "10.77.1.10"
UNREACHABLE = "timed out|refused|unreachable|reset"
REGISTRATION = b'{"modelId":"/lightControler","modelHash":"","binaryHash":""}'
REGISTER = (
    b"POST /service/register HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
    % (len(REGISTRATION), REGISTRATION)
)
CHUNKED_HEAD = (
    b"PUT /vsl/agent1/x HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
)
LARGE_CHUNK = b"10000\r\n" + b"a" * 65_536 + b"\r\n"
H2C = (
    b"GET /vsl/agent1/x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n"
)
CALLBACKS = (
    b"GET /callbacks HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: v1.vsl.ds2os.org\r\n\r\n"
)
BOTH_FRAMINGS = (
    b"PUT /vsl/agent1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
)
HOSTILE: dict[str, list[bytes]] = {
    "a get": [GET],
    "a chunked body": [PUT_CHUNKED],
    "a body over the limit": [LARGE, b"a" * 200_000],
    "a chunked body over the limit": [CHUNKED_HEAD, LARGE_CHUNK, LARGE_CHUNK, b"0\r\n\r\n"],
    "a leading CRLF": [b"\r\n", GET],
    "a request line split over two packets": [b"GE", GET[2:]],
    "an upgrade to h2c": [H2C],
    "HTTP/2 with prior knowledge": [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"],
    "raw MQTT": [bytes.fromhex("101000044d5154540402003c000461616161")],
    "HTTP/0.9": [b"GET /vsl/agent1/x\r\n"],
    "both framings": [BOTH_FRAMINGS],
    "trailers": [CHUNKED_HEAD, b'b\r\n{"value":"1\r\n2\r\n"}\r\n0\r\nX-Late: 1\r\n\r\n'],
    "pipelining": [GET, GET, GET],
    "a tunnel": [b"CONNECT 10.77.2.11:8081 HTTP/1.1\r\nHost: 10.77.2.11:8081\r\n\r\n"],
    "a callback channel": [CALLBACKS],
}


def send_all(bench: Bench, packets: list[bytes], *, ipv6: bool = False, patience: float = PATIENCE) -> bytes:
    """Send packets on a connection of their own; return what came back."""
    with bench.service("lightcontrol1", ipv6=ipv6, patience=patience) as service:
        try:
            for packet in packets:
                service.send(packet)
                time.sleep(0.05)
        except OSError:
            return b""
        return service.receive(0.5)


def test_hostile_bytes_with_everything_denied(bench: Bench) -> None:
    bench.configure(DENY_EVERYTHING)
    with bench.gateway.running():
        bench.wait_for_types()
        before = bench.reached()
        answers = {
            (name, ipv6): send_all(bench, packets, ipv6=ipv6)
            for name, packets in HOSTILE.items()
            for ipv6 in (False, True)
        }
        assert bench.reached() == before
    assert not [case for case, answer in answers.items() if b" 200 " in answer or b" 101 " in answer]


def test_hostile_bytes_where_no_tls_is_spoken(plain_bench: Bench) -> None:
    settings = gateway_settings(plain_bench.authority, plain_bench.gateway.state, tls="plain")
    del settings["tls"]
    plain_bench.configure(DENY_EVERYTHING, settings)
    with plain_bench.gateway.running():
        plain_bench.wait_for_types()
        before = plain_bench.reached()
        for packets in HOSTILE.values():
            with plain_bench.connect(None) as service, contextlib.suppress(OSError):
                for packet in packets:
                    service.send(packet)
                    time.sleep(0.02)
                answer = service.receive(0.3)
                assert b" 200 " not in answer
                assert b" 101 " not in answer
        assert plain_bench.reached() == before


def test_a_connection_on_which_nothing_is_asked_is_cut(bench: Bench) -> None:
    settings = bench.settings
    settings["limits"] = {"handshake_seconds": 4, "first_request_seconds": 3, "connections_per_address": 2}
    bench.configure(LEARN, settings)
    for name in ("lightcontrol1", "lightcontrol2"):
        bench.authority.service(name)  # To make it takes a while, in which somebody silent is cut.
    with bench.gateway.running():
        silent = [bench.topology.lan.connect(Topology.ACCESS_IPV4[0], AGENT_PORT, source=SOURCE) for _ in range(2)]
        time.sleep(0.1)
        with pytest.raises(OSError, match=f"{UNREACHABLE}|EOF"):
            bench.service("lightcontrol1")
        with bench.service("lightcontrol2", index=1) as other:
            assert other.register("/lightControler") == 200
        for connection in silent:
            connection.settimeout(PATIENCE)
            assert connection.recv(1) == b""
            connection.close()
        with bench.service("lightcontrol1") as service:
            assert service.register("/lightControler") == 200
            time.sleep(3.5)
            assert service.ask("GET", "/vsl/agent1/lightcontrol1/lightOn")[0] == 200
        bench.gateway.wait_for(lambda: [r["kind"] for r in bench.gateway.records()].count("crowded") == 1)


@pytest.mark.parametrize("beginning", [b"GET /vsl/agent1 HTTP/1.1\r\nX: ", REGISTER[:-4]])
def test_who_drips_a_request_in_is_cut_and_recorded(bench: Bench, beginning: bytes) -> None:
    settings = bench.settings
    settings["limits"] = {"head_seconds": 1, "body_seconds": 1}
    bench.configure(LEARN, settings)
    with bench.gateway.running(), bench.service("lightcontrol1") as service:
        service.send(beginning)
        begun = time.monotonic()
        with contextlib.suppress(OSError):
            while time.monotonic() - begun < PATIENCE:
                service.tls.settimeout(0.2)
                with contextlib.suppress(TimeoutError):
                    if service.tls.recv(1) == b"":
                        break
                if beginning.startswith(b"GET"):
                    service.send(b"x")
        assert time.monotonic() - begun < PATIENCE
        bench.gateway.wait_for(lambda: bool(bench.gateway.verdicts()))
        assert [verdict["reason"] for verdict in bench.gateway.verdicts()] == ["too-slow"]


def test_ways_around_the_proxy(bench: Bench) -> None:
    bench.configure(LEARN)
    with bench.gateway.running():
        bench.wait_for_types()
        before = bench.reached()
        listeners = [
            bench.topology.access.listen(address, port)
            for address in (Topology.ACCESS_IPV4[0], Topology.ACCESS_IPV6[0])
            for port in (8080, 1883)
        ]
        deaf = [bench.topology.access.socket(family, socket.SOCK_DGRAM) for family in (socket.AF_INET, socket.AF_INET6)]
        for each, address in zip(deaf, (Topology.ACCESS_IPV4[0], Topology.ACCESS_IPV6[0]), strict=True):
            each.bind((address, AGENT_PORT))
        for address, proxy in (
            (Topology.ACCESS_IPV4[0], Topology.GATEWAY_IPV4),
            (Topology.ACCESS_IPV6[0], Topology.GATEWAY_IPV6),
        ):
            for port in (8080, 1883):
                with pytest.raises(OSError, match=UNREACHABLE):
                    bench.topology.lan.connect(address, port, timeout=0.4)
            with pytest.raises(OSError, match=UNREACHABLE):
                bench.topology.lan.connect(proxy, FIRST_LISTEN_PORT, timeout=0.4)
            with pytest.raises(OSError, match=UNREACHABLE):
                bench.topology.lan.connect(Topology.GATEWAY_ACCESS_IPV4, FIRST_LISTEN_PORT, timeout=0.4)
            datagram = bench.topology.lan.socket(
                socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM
            )
            datagram.sendto(b"x", (address, AGENT_PORT))
            datagram.close()
        for listener in listeners:
            listener.settimeout(0.05)
            with pytest.raises(TimeoutError):
                listener.accept()
            listener.close()
        for each in deaf:
            each.settimeout(0.1)
            with pytest.raises(TimeoutError):
                each.recv(1)
            each.close()
        assert bench.reached() == before


def test_addresses_of_an_access_point_that_nobody_declared(bench: Bench) -> None:
    settings = bench.settings
    for point in settings["access_points"]:
        del point["ipv6"]
    bench.topology.access.add_addresses("eth0", ["10.77.2.99/24"])
    undeclared = [bench.topology.access.listen(address, AGENT_PORT + 1) for address in ("10.77.2.99", "fd77:2::11")]
    bench.configure(LEARN, settings)
    with bench.gateway.running():
        bench.wait_for_types()
        before = bench.reached()
        for address, port in ((Topology.ACCESS_IPV6[0], AGENT_PORT), ("10.77.2.99", AGENT_PORT + 1)):
            with pytest.raises(OSError, match=UNREACHABLE):
                bench.topology.lan.connect(address, port, timeout=0.5)
        assert bench.reached() == before
        bench.gateway.stop()
        # What the operator names can be reached, and only that.
        settings["reachable"] = ["10.77.2.99/32"]
        bench.configure(LEARN, settings)
        bench.gateway.start()
        bench.topology.lan.connect("10.77.2.99", AGENT_PORT + 1).close()
        with pytest.raises(OSError, match=UNREACHABLE):
            bench.topology.lan.connect(Topology.ACCESS_IPV6[0], AGENT_PORT, timeout=0.5)
    for listener in undeclared:
        listener.close()


class Faulty:
    """A gateway, and what raises in it while it runs."""

    def __init__(self, bench: Bench, faults: Faults) -> None:
        self.bench = bench
        self.faults = faults

    def answers(self, requests: Sequence[list[bytes]]) -> list[bytes]:
        """Send requests, each on a connection of its own; return the answers, empty where the connection is refused."""
        answers = []
        for packets in requests:
            try:
                answers.append(send_all(self.bench, packets, patience=BRIEF))
            except OSError:
                answers.append(b"")
        return answers


@contextlib.contextmanager
def faulty(directory: Path, policy: Settings) -> Iterator[Faulty]:
    with standing(directory) as bench:
        faults = Faults(directory / "faults")
        faults.put_in(None)
        bench.configure(policy)
        bench.gateway.start(command=["-m", "tests.site.faulty_gateway", "--faults", str(directory / "faults")])
        bench.wait_for_types()
        yield Faulty(bench, faults)


@pytest.fixture(scope="module")
def denying(isolated: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    """One gateway for all hooks."""
    with faulty(tmp_path_factory.mktemp("denying"), DENY_EVERYTHING) as made:
        yield made


@pytest.fixture(scope="module")
def forwarding(isolated: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    """One gateway for all that a call passes through."""
    with faulty(tmp_path_factory.mktemp("forwarding"), LEARN) as made:
        yield made


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_that_raises_with_everything_denied(denying: Faulty, hook: str) -> None:
    before = denying.bench.reached()
    denying.faults.put_in(hook)
    answers = denying.answers([[GET], [PUT_CHUNKED], HOSTILE["a callback channel"]])
    denying.faults.put_in(None)
    assert not [answer for answer in answers if b" 200 " in answer or b" 101 " in answer]
    assert denying.bench.reached() == before


@pytest.mark.parametrize("fault", [*PARTS, "next_layer", "tls_start_client", "tls_established_client"])
def test_what_breaks_refuses_even_where_policy_forwards_everything(forwarding: Faulty, fault: str) -> None:
    before = forwarding.bench.reached()
    forwarding.faults.put_in(fault)
    (answer,) = forwarding.answers([[REGISTER]])
    forwarding.faults.put_in(None)
    assert b" 200 " not in answer
    assert forwarding.bench.reached() == before
    # Whole again it forwards: it was that part which refused, and the gateway has come through it.
    with forwarding.bench.service("lightcontrol1") as service:
        assert service.register("/lightControler") == 200


def test_the_same_calls_pass_where_policy_forwards_and_nothing_breaks(bench: Bench) -> None:
    bench.configure(LEARN)
    with bench.gateway.running():
        bench.wait_for_types()
        before = bench.reached()
        with bench.service("lightcontrol1") as service:
            assert service.register("/lightControler") == 200
            service.send(GET)
            assert b" 200 " in service.receive()
            service.send(PUT_CHUNKED)
            assert b" 204 " in service.receive()
        assert bench.reached() > before


def test_a_malformed_request_is_in_the_audit_log(bench: Bench) -> None:
    bench.configure(LEARN)
    with bench.gateway.running():
        send_all(bench, [BOTH_FRAMINGS])
        bench.gateway.wait_for(lambda: bool(bench.gateway.verdicts()))
        (verdict,) = bench.gateway.verdicts()
    assert (verdict["action"], verdict["reason"]) == ("block", "ambiguous-framing")
