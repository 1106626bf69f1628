"""An access point that is no Knowledge Agent, beside one that is, behind one gateway."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import yaml

from proxy.tokens import hash_of
from tests.enforcement.conftest import Bench
from tests.enforcement.raw_service import RawService
from tests.network.namespaces import Topology
from tests.site.gateway_process import FIRST_LISTEN_PORT, Settings, gateway_settings

PORT = 8090
TOKEN = "83b7780291a6ceffbe0bd049104df"
WALL = "a4f1c9d2e8b37765"
EVENTS = 4
ROUTE: Settings = {"service": "lamp", "type": "/lamp"}
STATE: Settings = {**ROUTE, "path": "/api/{user}/state", "node": "state", "data_type": "/basic/boolean"}
MAPPING: Settings = {
    "name": "A lamp",
    "source": "https://example.org/lamp",
    "token": {"path": "user"},
    "refusal": {"status": 403, "content_type": "application/json", "body": '[{"error":{"description":"{message}"}}]'},
    "routes": [
        {**STATE, "name": "look", "method": "GET", "operation": "get"},
        {
            **STATE,
            "name": "switch",
            "method": ["PUT", "PATCH"],
            "operation": "set",
            "body": "json",
            "value": {"body": "/on"},
        },
        {**STATE, "name": "forget", "method": "DELETE", "operation": "delete"},
        {
            **STATE,
            "name": "hear",
            "method": "GET",
            "path": "/api/{user}/events",
            "operation": "subscribe",
            "lasting": True,
        },
    ],
}


class _Lamp(BaseHTTPRequestHandler):
    """Answers every request with what it was, and events one by one for longer than a usual answer may take."""

    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def do_GET(self) -> None:
        length = int(self.headers.get("content-length", 0))
        seen = f"{self.command} {self.path} {self.rfile.read(length).decode()}".strip()
        self.server.seen.append(seen)  # type: ignore[attr-defined]
        self.send_response(200)
        if not self.path.endswith("/events"):
            self.send_header("content-length", str(len(seen)))
            self.end_headers()
            self.wfile.write(seen.encode())
            return
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for number in range(EVENTS):
            self.wfile.write(f"data: {number}\n\n".encode())
            time.sleep(0.6)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


for each in ("PUT", "PATCH", "DELETE"):
    setattr(_Lamp, f"do_{each}", _Lamp.do_GET)


class _Server(ThreadingHTTPServer):
    """Serves on a socket of a throw-away host."""

    daemon_threads = True

    def __init__(self, listening: socket.socket) -> None:
        super().__init__(("", 0), _Lamp, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.seen: list[str] = []


@contextmanager
def lamp(bench: Bench) -> Iterator[list[str]]:
    """A lamp beside the first agent; gives what reached it."""
    server = _Server(bench.topology.access.listen(Topology.ACCESS_IPV4[0], PORT))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def configure(bench: Bench) -> None:
    settings = gateway_settings(bench.authority, bench.gateway.state, tls="plain", agents=1)
    del settings["tls"]
    settings["access_points"].append(
        {
            "agent": "lamps",
            "ipv4": Topology.ACCESS_IPV4[0],
            "port": PORT,
            "listen_port": FIRST_LISTEN_PORT + 1,
            "tls": "plain",
            "decoder": {"mapping": "decoders/lamp.yaml"},
        }
    )
    settings["limits"] = {"answer_seconds": 1, "lasting_seconds": 2}
    wall = {"ip": bench.topology.service_ipv4(0), "mac": bench.topology.lan.mac("eth0")}
    services = [
        {"address": "/agent1/lightcontrol1", "ip": bench.topology.service_ipv4(2)},
        {"address": "/rooms/wall", "service_type": "/panel", **wall},
        {"address": "/rooms/tablet", "service_type": "/panel", "tokens": [hash_of(TOKEN)]},
    ]
    known = {"name": "panels", "action": "allow", "source_type": ["/panel"], "destination_type": ["/lamp"]}
    own = {"name": "own", "action": "allow", "source_address": ["/agent1/lightcontrol1"]}
    bench.configure({"mode": "enforce", "rules": [known, own]}, settings, {"services": services})
    decoders = bench.gateway.config.parent / "decoders"
    decoders.mkdir()
    (decoders / "lamp.yaml").write_text(yaml.safe_dump(MAPPING))


def call(bench: Bench, index: int, method: str, target: str, body: object | None = None) -> tuple[int, bytes]:
    with connected(bench, index) as service:
        return service.ask(method, target, body)


def connected(bench: Bench, index: int) -> RawService:
    source = bench.topology.service_ipv4(index)
    return RawService(bench.topology.lan, Topology.ACCESS_IPV4[0], source, None, port=PORT)


def received_until_the_end(service: RawService) -> bytes:
    received = b""
    while data := service.receive(2.0):
        received += data
    return received


def test_it_is_guarded_in_its_own_terms_beside_a_knowledge_agent(plain_bench: Bench) -> None:
    configure(plain_bench)
    bench = plain_bench
    with lamp(bench) as seen, bench.gateway.running():
        wall, tablet = f"/api/{WALL}/state", f"/api/{TOKEN}/state"
        assert call(bench, 0, "PUT", wall, {"on": True})[1] == f'PUT {wall} {{"on":true}}'.encode()
        assert call(bench, 1, "PATCH", tablet, {"on": False})[1] == f'PATCH {tablet} {{"on":false}}'.encode()
        assert call(bench, 1, "DELETE", tablet) == (200, f"DELETE {tablet}".encode())

        reached = list(seen)
        status, body = call(bench, 3, "GET", wall)
        assert (status, body[:26]) == (403, b'[{"error":{"description":"')
        assert call(bench, 0, "GET", f"/api/{WALL}/config")[0] == 403
        assert call(bench, 0, "PUT", wall, {"on": True, "firmware": "http://x/"})[0] == 403
        assert call(bench, 0, "GET", f"/api/{WALL}/../{WALL}/state")[0] == 403
        assert seen == reached

        with connected(bench, 1) as listening:
            begun = time.monotonic()
            listening.send(f"GET /api/{TOKEN}/events HTTP/1.1\r\nHost: lamp\r\n\r\n".encode())
            stream = received_until_the_end(listening)
            assert time.monotonic() - begun > 2, "longer than `answer_seconds`"
        assert [f"data: {n}".encode() in stream for n in range(EVENTS)] == [True] * EVENTS

        agent = bench.points.agents[0]
        bench.gateway.wait_for(lambda: any("requestKorUpdate" in each.target for each in tuple(agent.calls)))
        with bench.connect(None, index=2) as service:
            assert service.register("/lightControler") == 200
            assert service.ask("DELETE", "/vsl/agent1/lightcontrol1/lightOn")[0] == 403
    verdicts = bench.gateway.verdicts()
    told = [(v["sender"]["address"], v["sender"]["strength"], v["action"]) for v in verdicts[:3]]
    assert told == [
        ("/rooms/wall", "mac-and-ip", "forward"),
        ("/rooms/tablet", "api-token", "forward"),
        ("/rooms/tablet", "api-token", "forward"),
    ]
    assert [v["accesses"][0]["operation"] for v in verdicts[:3]] == ["set", "set", "delete"]
    assert [v["reason"] for v in verdicts[3:7]] == [
        "unknown-sender",
        "unknown-node",
        "unknown-node",
        "ambiguous-target",
    ]
    written = b"".join(file.read_bytes() for file in bench.gateway.state.rglob("*") if file.is_file())
    assert TOKEN.encode() not in written
    assert WALL.encode() not in written
