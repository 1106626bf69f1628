"""One connection of a service, judged by real parts, without sockets: bytes go in, what passes comes out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mitmproxy import connection
from mitmproxy.test import tflow
from wsproto.connection import Connection as Frames
from wsproto.connection import ConnectionType
from wsproto.events import BytesMessage, TextMessage

from models.access import Access
from models.analyzer import Analyzer
from policy.document import PolicyDocument
from policy.engine import Engine
from policy.quarantine import QuarantineRegister
from policy.verdict import Verdict
from proxy.client_certificates import ClientCertificates
from proxy.configuration import AccessPoint, InventoryDocument, Limits, Peer, Tls, TlsMode
from proxy.connections import ConnectionTable, Destination
from proxy.decoders import strict_cbor
from proxy.decoders.base import Decoder
from proxy.decoders.vsl import VslDecoder
from proxy.enforcement import Enforcement
from proxy.hooks import HEAD_LIMITS, Gatekeeper, Hooks, message_limits
from proxy.http1.bad_message import BadMessage
from proxy.http1.layer import Http1Layer
from proxy.http1.request_reader import Authority, RequestReader
from proxy.http1.room import BodyLimits, Room
from proxy.identity import Identity
from proxy.judging import ConnectionJudge, Judging
from proxy.peers import Peers
from proxy.registry import AgentStructure, SiteRegistry
from proxy.revocation import RevocationsInForce
from proxy.tls_contexts import TlsContexts
from proxy.transactions import Transactions
from tests.policy.calls import NOW
from tests.proxy.http1.wire import Wire
from tests.proxy.parts import StandingClock, live, plain_point

POINT = ("198.51.100.11", 8081)
SERVICE_IP = "192.0.2.9"
DENY: dict[str, Any] = {"mode": "enforce", "thresholds": {"alert": 0, "block": 0, "quarantine": None}}
FORWARD: dict[str, Any] = {"mode": "enforce"}
LEARN: dict[str, Any] = {"mode": "learn"}
LIGHT = "/agent1/lightcontrol1"
MOVEMENT = "/agent1/movement1/movement"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Raising:
    """Stands in for a part that has a defect."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"a defect in {name}")


class Learning(Analyzer):
    """An analyzer that also remembers what it was taught."""

    def __init__(self) -> None:
        super().__init__()
        self.taught: list[Access] = []

    def learn(self, access: Access) -> None:
        self.taught.append(access)
        super().learn(access)


class Bench:
    """The hooks with real parts around them, and records of what they tell."""

    def __init__(
        self,
        policy: Mapping[str, Any] = FORWARD,
        *,
        tls_mode: str = "required",
        contexts: TlsContexts | None = None,
        tls: Tls | None = None,
        inventory: Mapping[str, Any] | None = None,
        peers: Sequence[Mapping[str, Any]] = (),
        most_connections: int = 16,
    ) -> None:
        self.verdicts: list[Verdict] = []
        self.refused_handshakes: list[tuple[str, str]] = []
        self.impostors: list[tuple[str, str]] = []
        self.broken: list[tuple[str, BaseException]] = []
        self.conflicts: list[tuple[str, str, list[str]]] = []
        self.crowds: list[str] = []
        self.sightings: list[tuple[str, str]] = []
        self.misbehaviour: list[tuple[str, str]] = []
        self.registrations: list[str] = []
        self.missed: list[str] = []
        self.rolled_back: list[tuple[str, str]] = []
        self.peers = [Peer.model_validate(each) for each in peers]
        self.revocations = RevocationsInForce()
        self.analyzer = Learning()
        self.registry = SiteRegistry(
            InventoryDocument.model_validate(inventory or {}), frozenset({"agent1", *(each["agent"] for each in peers)})
        )
        types = {
            LIGHT: "/lightControler",
            f"{LIGHT}/lightOn": "/derived/boolean",
            "/agent1/movement1": "/movementSensor",
            MOVEMENT: "/derived/boolean",
        }
        self.registry.replace_agent("agent1", AgentStructure(types=types, children={}))
        decoder = VslDecoder(agent="agent1", authority="198.51.100.11:8081", registry=self.registry, most_accesses=4)
        self.streams = decoder.streams
        point = AccessPoint.model_validate(plain_point(ipv4=POINT[0], tls=tls_mode))
        self.destination = Destination(point, decoder)
        self._destinations = {POINT: self.destination}
        self.connections = ConnectionTable(most=most_connections, most_of_one=most_connections)
        self.engine = engine = Engine(
            analyzer=self.analyzer,
            policy=PolicyDocument.model_validate(policy),
            revision="r1",
            quarantines=QuarantineRegister(),
        )
        self.judging = Judging(
            enforcement=Enforcement(
                engine=engine, log=self, clock=StandingClock(), real_now=lambda: NOW, on_quarantine=lambda _: None
            ),
            registry=self.registry,
            transactions=Transactions(),
            on_miss=self.missed.append,
            on_sighting=lambda sender, identity: self.sightings.append((sender.ip, identity)),
            on_broken=lambda place, error: self.broken.append((place, error)),
            on_rollback=lambda root, verdict: self.rolled_back.append((root, verdict.id)),
            on_misbehaviour=self._misbehaved,
        )
        self.gate = Gatekeeper(
            judging=self.judging,
            registry=self.registry,
            destinations=self._destinations,
            connections=self.connections,
            peers=Peers(self.peers),
            contexts=contexts or TlsContexts({}, {}),
            certificates=ClientCertificates(self.registry.inventory.services, tls),
            agents={"agent1": TlsMode.REQUIRED},
            tls=tls,
            revocations=self.revocations,
            limits=Limits(connections=16),
            on_tls_refusal=lambda ip, reason: self.refused_handshakes.append((ip, reason)),
            on_impostor=lambda agent, reason: self.impostors.append((agent, reason)),
            on_conflict=lambda sender, places: self.conflicts.append((sender.address, sender.ip, places)),
            on_crowd=self.crowds.append,
            on_registration=self._registered,
        )
        self.hooks = Hooks(self.gate)

    def _misbehaved(self, agent: str, problem: BadMessage) -> None:
        self.misbehaviour.append((agent, problem.detail))

    def record(self, verdict: Verdict) -> None:
        self.verdicts.append(verdict)

    async def _registered(self, agent: str) -> None:
        self.registrations.append(agent)

    def stand_before(self, point: AccessPoint, decoder: Decoder) -> None:
        """Take the place of another access point."""
        self.destination = self._destinations[POINT] = Destination(point, decoder)

    def connect(self, name: str | None = "lightcontrol1") -> connection.Client:
        """A live connection of a service, with a verified certificate if it has a name."""
        client = tflow.tclient_conn()
        client.peername = (SERVICE_IP, 40_000)
        identity = None if name is None else Identity(name, (name,))
        self.connections.open(client.id, live(SERVICE_IP, self.destination, identity=identity))
        return client

    def connect_peer(self, agent: str = "agent3") -> connection.Client:
        """A live connection of a configured peer, recognised by its certificate."""
        client = self.connect(None)
        self.connections[client.id].peer = next(p for p in self.peers if p.agent == agent)
        return client

    def wire(self, client: connection.Client | None = None) -> Wire:
        """A connection with the HTTP layer in place."""
        live = self.connections[(client or self.connect()).id]
        judge = ConnectionJudge(self.judging, live)
        live.requests = requests = RequestReader(
            Authority(*POINT), HEAD_LIMITS, BodyLimits(64 * 1024, 96 * 1024), Room(128 * 1024)
        )
        return Wire(
            lambda of: Http1Layer(
                of,
                judge=judge,
                requests=requests,
                deadline=live.deadline,
                answers=BodyLimits(4096 * 1024, 4096 * 1024),
                messages=message_limits(Limits()),
                waiting_bytes=64 * 1024,
            )
        )

    def send(self, sent: bytes, client: connection.Client | None = None) -> Wire:
        """Let a service send a request; the wire tells what came of it."""
        wire = self.wire(client)
        wire.service(sent)
        return wire

    def open_channel(
        self, client: connection.Client | None = None, content_type: str = "application/json"
    ) -> CallbackWire:
        wire = self.send(callbacks(), client)
        wire.access_point(SWITCHING.replace(b"application/json", content_type.encode()))
        return CallbackWire(wire)


class CallbackWire:
    """An open callback channel."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.service, self.access_point = Frames(ConnectionType.CLIENT), Frames(ConnectionType.SERVER)
        self._read = {"service": len(wire.to_service), "access point": len(wire.to_access_point)}

    def from_service(self, content: object, *, text: bool = True) -> None:
        self.wire.service(self.service.send(_message(content, text=text)))

    def from_access_point(self, content: object, *, text: bool = True) -> None:
        self.wire.access_point(self.access_point.send(_message(content, text=text)))

    def at_service(self) -> list[Any]:
        """What the service got since it was asked last."""
        return list(self._new("service", self.service, self.wire.to_service))

    def at_access_point(self) -> list[Any]:
        return list(self._new("access point", self.access_point, self.wire.to_access_point))

    def _new(self, side: str, frames: Frames, sent: bytes) -> Iterator[Any]:
        frames.receive_data(sent[self._read[side] :])
        self._read[side] = len(sent)
        for event in frames.events():
            match event:
                case TextMessage():
                    yield json.loads(event.data)
                case BytesMessage():
                    yield strict_cbor.parse(bytes(event.data))
                case _:
                    yield event


def _message(content: object, *, text: bool) -> TextMessage | BytesMessage:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return TextMessage(data=raw.decode()) if text else BytesMessage(data=raw)


SWITCHING = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: v1.vsl.ds2os.org\r\n"
    b"Content-Type: application/json\r\n\r\n"
)
CALLBACK_ID = "071fb7b7-1111-4772-8268-b84199dfab95"


def request(
    method: str = "GET", path: str = f"/vsl{MOVEMENT}", body: object = None, headers: Mapping[str, str] | None = None
) -> bytes:
    fields = {"Host": "whatever", "Accept": "application/json", "X-Own": "1", **(headers or {})}
    content = b"" if body is None else json.dumps(body, indent=2).encode()
    if content:
        fields |= {"Content-Type": "application/json", "Content-Length": str(len(content))}
    head = "\r\n".join([f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())])
    return f"{head}\r\n\r\n".encode() + content


def callbacks() -> bytes:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol": "v1.vsl.ds2os.org",
    }
    return request("GET", "/callbacks", headers=upgrade)


def invocation(**changes: Any) -> dict[str, Any]:
    return {"callbackId": CALLBACK_ID, "serial": 7, "address": MOVEMENT, "invoke": "NOTIFY"} | changes


def status(wire: Wire) -> int | None:
    """Of the newest answer that the service got; None while there is none."""
    answers = wire.to_service.split(b"HTTP/1.1 ")
    return int(answers[-1][:3]) if len(answers) > 1 else None


def body(wire: Wire) -> Any:
    """Of the only answer that the service got."""
    return json.loads(wire.to_service.partition(b"\r\n\r\n")[2])


def fields(message: bytes) -> dict[str, str]:
    """The header fields of a message, names in lower case."""
    head = message.partition(b"\r\n\r\n")[0].decode()
    named = (line.split(": ", 1) for line in head.split("\r\n")[1:])
    return {name.lower(): value for name, value in named}


def refusal_code(bench: Bench) -> str:
    refusal = bench.verdicts[-1].call.refusal
    assert refusal is not None
    return refusal.code
