"""Every hook denies first, and releases only what was judged: exactly that, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from mitmproxy import connection, http, tls, websocket
from mitmproxy.options import Options
from mitmproxy.proxy import commands, context, events, layer, layers, server_hooks
from mitmproxy.proxy.layers.modes import TransparentProxy
from mitmproxy.test import tflow
from OpenSSL import SSL
from wsproto.frame_protocol import Opcode

from models.access import Access, Operation
from models.analyzer import Analyzer
from policy.document import PolicyDocument
from policy.engine import Engine
from policy.quarantine import QuarantineRegister
from policy.verdict import Action, Strength, Verdict
from proxy import hooks
from proxy.configuration import AccessPoint, InventoryDocument, Limits
from proxy.connections import Connection, ConnectionTable, Destination
from proxy.decoders.vsl import VslDecoder
from proxy.enforcement import Enforcement
from proxy.hooks import Gatekeeper, Hooks, TlsContexts
from proxy.identity import Identity
from proxy.layers import BoundedClientTls, BoundedLayer, RefusingLayer
from proxy.registry import AgentStructure, SiteRegistry
from proxy.tls import towards_access_point, towards_services
from tests.policy.calls import NOW
from tests.proxy import parts
from tests.proxy.parts import EVENT_TIME, StandingClock, live, plain_point, tls_of
from tests.site.certificates import Credentials, SiteAuthority

POINT = ("198.51.100.11", 8081)
SERVICE_IP = "192.0.2.9"
DENY: dict[str, Any] = {"mode": "enforce", "thresholds": {"alert": 0, "block": 0, "quarantine": None}}
FORWARD: dict[str, Any] = {"mode": "enforce"}
LEARN: dict[str, Any] = {"mode": "learn"}
LIGHT = "/agent1/lightcontrol1"
MOVEMENT = "/agent1/movement1/movement"


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
        inventory: Mapping[str, Any] | None = None,
        most_connections: int = 16,
    ) -> None:
        self.verdicts: list[Verdict] = []
        self.refused_handshakes: list[tuple[str, str]] = []
        self.broken: list[tuple[str, BaseException]] = []
        self.crowds: list[str] = []
        self.registrations: list[str] = []
        self.injected: list[dict[str, Any]] = []
        self.analyzer = Learning()
        self.registry = SiteRegistry(InventoryDocument.model_validate(inventory or {}), frozenset({"agent1"}))
        types = {
            LIGHT: "/lightControler",
            f"{LIGHT}/lightOn": "/derived/boolean",
            "/agent1/movement1": "/movementSensor",
            MOVEMENT: "/derived/boolean",
        }
        self.registry.replace_agent("agent1", AgentStructure(types=types, children={}))
        decoder = VslDecoder(agent="agent1", authority="198.51.100.11:8081", registry=self.registry, most_accesses=4)
        point = AccessPoint.model_validate(plain_point(ipv4=POINT[0], tls=tls_mode))
        self.destination = Destination(point, decoder)
        self.connections = ConnectionTable(most=most_connections, most_of_one=most_connections)
        self.engine = engine = Engine(
            analyzer=self.analyzer,
            policy=PolicyDocument.model_validate(policy),
            revision="r1",
            quarantines=QuarantineRegister(),
        )
        self.gate = Gatekeeper(
            enforcement=Enforcement(
                engine=engine, log=self, clock=StandingClock(), real_now=lambda: NOW, on_quarantine=lambda _: None
            ),
            registry=self.registry,
            destinations={POINT: self.destination},
            connections=self.connections,
            contexts=contexts,
            limits=Limits(connections=16),
            on_tls_refusal=lambda ip, reason: self.refused_handshakes.append((ip, reason)),
            on_crowd=self.crowds.append,
            on_broken=lambda place, error: self.broken.append((place, error)),
            on_registration=self._registered,
            inject=lambda _flow, frame: self.injected.append(json.loads(frame)),
        )
        self.hooks = Hooks(self.gate)

    def record(self, verdict: Verdict) -> None:
        self.verdicts.append(verdict)

    async def _registered(self, agent: str) -> None:
        self.registrations.append(agent)

    def connect(self, name: str | None = "lightcontrol1") -> connection.Client:
        """A live connection of a service, with a verified certificate if it has a name."""
        client = tflow.tclient_conn()
        client.peername = (SERVICE_IP, 40_000)
        identity = None if name is None else Identity(name, (name,))
        self.connections.open(client.id, live(SERVICE_IP, self.destination, identity=identity))
        return client

    def send(self, request: http.Request, client: connection.Client | None = None) -> http.HTTPFlow:
        """Let a request meet the hooks as mitmproxy calls them."""
        flow = tflow.tflow(client_conn=client or self.connect(), req=request)
        self.hooks.requestheaders(flow)
        assert flow.response is not None
        self.hooks.request(flow)
        return flow

    async def answer(self, flow: http.HTTPFlow, status: int = 200) -> None:
        flow.response = http.Response.make(status)
        await self.hooks.response(flow)

    async def open_channel(self, client: connection.Client | None = None) -> http.HTTPFlow:
        flow = self.send(callbacks(), client)
        assert flow.response is None
        await self.answer(flow, 101)
        flow.websocket = websocket.WebSocketData()
        return flow

    def frame(
        self, flow: http.HTTPFlow, content: object, *, from_client: bool = False, kind: Opcode = Opcode.TEXT
    ) -> websocket.WebSocketMessage:
        assert flow.websocket is not None
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        message = websocket.WebSocketMessage(kind, from_client, raw)
        flow.websocket.messages.append(message)
        self.hooks.websocket_message(flow)
        return message


def request(
    method: str = "GET", path: str = f"/vsl{MOVEMENT}", body: object = None, headers: Mapping[str, str] | None = None
) -> http.Request:
    fields = {"Host": "whatever", "Accept": "application/json", "X-Own": "1", **(headers or {})}
    content = b"" if body is None else json.dumps(body, indent=2).encode()
    if content:
        fields |= {"Content-Type": "application/json", "Content-Length": str(len(content))}
    raw = [(name.encode(), value.encode()) for name, value in fields.items()]
    made = http.Request.make(method, "http://198.51.100.11:8081/", content, raw)
    made.path = path
    return made


def callbacks() -> http.Request:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol": "v1.vsl.ds2os.org",
    }
    return request("GET", "/callbacks", headers=upgrade)


def invocation(**changes: Any) -> dict[str, Any]:
    return {"callbackId": "c1", "serial": 7, "address": MOVEMENT, "invoke": "NOTIFY"} | changes


def status(flow: http.HTTPFlow) -> int | None:
    return None if flow.response is None else flow.response.status_code


def refusal_code(bench: Bench) -> str:
    refusal = bench.verdicts[-1].call.refusal
    assert refusal is not None
    return refusal.code


# Requests.


def test_a_request_is_refused_before_its_body_is_read() -> None:
    flow = tflow.tflow(req=request())
    Bench().hooks.requestheaders(flow)
    assert status(flow) == 503


def test_a_call_that_may_pass_is_sent_as_it_was_judged() -> None:
    bench = Bench()
    flow = bench.send(request("PUT", f"/vsl{LIGHT}/lightOn", {"value": 1}, {"Forwarded": "for=10.1.1.1"}))
    assert flow.response is None
    sent = flow.request
    assert (sent.method, sent.path, sent.http_version) == ("PUT", f"/vsl{LIGHT}/lightOn", "HTTP/1.1")
    assert sent.raw_content == b'{"value":"1"}'
    assert dict(sent.headers) == {
        "host": "198.51.100.11:8081",
        "accept": "application/json",
        "content-type": "application/json",
        "content-length": "13",
        "authorization": Identity("lightcontrol1", ("lightcontrol1",)).delegation(),
    }
    (verdict,) = bench.verdicts
    assert verdict.call.sender.strength is Strength.CERTIFICATE
    assert verdict.call.request == f"PUT /vsl{LIGHT}/lightOn"
    assert [(access.node, access.value) for access in verdict.call.accesses] == [(f"{LIGHT}/lightOn", "1")]


def test_a_blocked_call_is_answered_in_the_middleware_s_words() -> None:
    bench = Bench(DENY)
    flow = bench.send(request())
    assert flow.response is not None
    assert flow.response.status_code == 403
    assert flow.response.headers["alleyes-reference"] == bench.verdicts[0].id
    assert flow.response.headers["content-length"] == str(len(flow.response.raw_content or b""))
    assert json.loads(flow.response.content or b"") == {
        "code": 403,
        "message": "Access denied by Anomaly detection",
        "type": "org.ds2os.vsl.core.transport.ExceptionMessage$1",
    }


def test_what_cannot_be_judged_while_learning_passes_if_its_refusal_obeys_the_mode() -> None:
    unsupported = request("POST", f"/vsl{LIGHT}", {"operation": "REGISTER_VIRTUAL_NODE"})
    bench = Bench(LEARN)
    assert status(bench.send(unsupported)) is None
    assert bench.verdicts[0].would_be is Action.BLOCK
    assert status(Bench(FORWARD).send(unsupported)) == 403


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (request("GET", "/ka/requestKorUpdate"), "knowledge-agent-interface"),
        (request("GET", headers={"Authorization": "VSL e30="}), "delegation-not-allowed"),
        (request("DELETE"), "method-not-allowed"),
    ],
)
def test_some_refusals_hold_while_learning(asked: http.Request, code: str) -> None:
    bench = Bench(LEARN)
    assert status(bench.send(asked)) == 403
    assert refusal_code(bench) == code


def framed(**changes: Any) -> http.Request:
    made = request("PUT", f"/vsl{LIGHT}/lightOn", {"value": "1"})
    for name, value in changes.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (framed(http_version="HTTP/2.0"), "http-version"),
        (framed(http_version="HTTP/0.9"), "http-version"),
        (framed(authority="198.51.100.12:8081"), "absolute-form"),
        (framed(trailers=http.Headers([(b"x", b"y")])), "trailers"),
        (framed(raw_content=b'{"value":"' + b"1" * 65_536 + b'"}'), "body-too-large"),
    ],
)
def test_ambiguous_framing_is_refused_while_learning(asked: http.Request, code: str) -> None:
    bench = Bench(LEARN)
    assert status(bench.send(asked)) == 403
    assert refusal_code(bench) == code
    assert bench.verdicts[0].call.accesses == ()


def test_without_a_certificate_nothing_passes_where_tls_is_required() -> None:
    bench = Bench(LEARN, inventory={"services": [{"address": LIGHT, "ip": SERVICE_IP}]})
    assert status(bench.send(request(), bench.connect(None))) == 403
    assert refusal_code(bench) == "no-certificate"


def test_where_tls_is_not_spoken_the_inventory_identifies() -> None:
    bench = Bench(FORWARD, tls_mode="plain", inventory={"services": [{"address": LIGHT, "ip": SERVICE_IP}]})
    flow = bench.send(request(), bench.connect(None))
    assert flow.response is None
    expected = Identity(client_id="lightcontrol1", access_ids=("lightcontrol1",)).delegation()
    assert flow.request.headers["authorization"] == expected
    assert bench.verdicts[0].call.sender.strength is Strength.IP


def test_an_unknown_sender_is_refused_by_enforcement_only() -> None:
    strict, learning = Bench(FORWARD, tls_mode="plain"), Bench(LEARN, tls_mode="plain")
    assert status(strict.send(request(), strict.connect(None))) == 403
    assert status(learning.send(request(), learning.connect(None))) is None


@pytest.mark.parametrize("part", ["destination", "registry", "enforcement", "connections", "limits"])
def test_whatever_breaks_the_request_stays_refused(part: str) -> None:
    bench = Bench(LEARN)
    client = bench.connect()
    if part == "destination":
        bench.connections[client.id].destination = Destination(bench.destination.point, Raising())
    else:
        object.__setattr__(bench.gate, part, Raising())
    assert status(bench.send(request(), client)) == 503
    assert [place for place, _ in bench.broken] == ["request"]


def test_a_record_that_cannot_be_kept_refuses_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Verdict) -> None:
        raise OSError("the disk is full")

    bench = Bench(LEARN)
    monkeypatch.setattr(bench, "record", full)
    flow = bench.send(request())
    assert flow.response is not None
    assert flow.response.status_code == 503
    assert json.loads(flow.response.content or b"")["message"] == "The gateway could not judge the call"


def test_a_connection_that_nobody_knows_stays_refused() -> None:
    bench = Bench(LEARN)
    assert status(bench.send(request(), tflow.tclient_conn())) == 503
    assert isinstance(bench.broken[0][1], KeyError)


def test_even_a_failing_report_leaves_the_refusal() -> None:
    bench = Bench(LEARN)
    object.__setattr__(bench.gate, "enforcement", Raising())
    object.__setattr__(bench.gate, "on_broken", Raising())
    flow = tflow.tflow(client_conn=bench.connect(), req=request())
    bench.hooks.requestheaders(flow)
    with pytest.raises(TypeError):
        bench.hooks.request(flow)
    assert status(flow) == 503


# Answers.


@pytest.mark.parametrize(("answer", "teaches"), [(200, True), (204, True), (400, False), (403, False), (500, False)])
async def test_a_call_teaches_only_if_the_access_point_accepted_it(answer: int, teaches: bool) -> None:
    bench = Bench(LEARN)
    flow = bench.send(request())
    assert bench.analyzer.taught == []
    await bench.answer(flow, answer)
    await bench.hooks.response(flow)
    assert [access.node for access in bench.analyzer.taught] == ([MOVEMENT] if teaches else [])


async def test_a_refused_call_does_not_teach() -> None:
    bench = Bench(DENY)
    flow = bench.send(request())
    await bench.hooks.response(flow)
    bench.hooks.error(flow)
    assert bench.analyzer.taught == []


async def test_a_call_without_an_answer_does_not_teach() -> None:
    bench = Bench(LEARN)
    flow = bench.send(request())
    bench.hooks.error(flow)
    await bench.answer(flow)
    assert bench.analyzer.taught == []


@pytest.mark.parametrize(("answer", "read"), [(200, ["agent1"]), (403, [])])
async def test_types_are_read_again_after_a_registration(answer: int, read: list[str]) -> None:
    bench = Bench(LEARN)
    flow = bench.send(request("POST", "/service/register", {"modelId": "/lightControler"}))
    await bench.answer(flow, answer)
    assert bench.registrations == read


async def test_types_are_read_again_after_a_registration_of_an_unknown_sender() -> None:
    bench = Bench(LEARN, tls_mode="plain")
    flow = bench.send(request("POST", "/service/register", {"modelId": "/lightControler"}), bench.connect(None))
    await bench.answer(flow)
    assert bench.broken == []
    assert bench.registrations == ["agent1"]


async def test_a_failure_after_the_answer_leaves_the_answer() -> None:
    bench = Bench(LEARN)
    flow = bench.send(request())
    object.__setattr__(bench.gate, "enforcement", Raising())
    await bench.answer(flow)
    assert status(flow) == 200
    assert [place for place, _ in bench.broken] == ["response"]


async def test_switching_protocols_without_a_channel_is_killed() -> None:
    bench = Bench(LEARN)
    flow = bench.send(request())
    await bench.answer(flow, 101)
    assert not flow.killable
    assert flow.error is not None


# Callback channels.


async def test_a_notification_passes_as_it_was_judged() -> None:
    bench = Bench(LEARN)
    flow = await bench.open_channel()
    assert flow.killable
    message = bench.frame(
        flow, b'{ "serial":7, "invoke":"NOTIFY","address":"' + MOVEMENT.encode() + b'","callbackId":"c1"}'
    )
    assert not message.dropped
    assert json.loads(message.content) == invocation()
    (access,) = bench.verdicts[-1].call.accesses
    assert (access.time, access.source, access.destination) == (EVENT_TIME, "/agent1/movement1", LIGHT)
    assert (access.operation, bench.verdicts[-1].call.may_quarantine) == (Operation.NOTIFY, False)
    assert bench.analyzer.taught[-1] == access


async def test_the_answer_of_the_service_passes_once() -> None:
    bench = Bench(LEARN)
    flow = await bench.open_channel()
    bench.frame(flow, invocation())
    first = bench.frame(flow, {"callbackId": "c1", "serial": 7, "data": None}, from_client=True)
    second = bench.frame(flow, {"callbackId": "c1", "serial": 7, "data": None}, from_client=True)
    assert (first.dropped, second.dropped) == (False, True)
    assert refusal_code(bench) == "unexpected-answer"
    assert bench.injected == []


async def test_a_blocked_notification_is_dropped_and_the_access_point_hears_of_it() -> None:
    bench = Bench({"mode": "learn", "service_types": {"/movementSensor": {"mode": "enforce"}}})
    flow = await bench.open_channel()
    denying = Bench(DENY)
    object.__setattr__(bench.gate, "enforcement", denying.gate.enforcement)
    message = bench.frame(flow, invocation())
    assert message.dropped
    (reply,) = bench.injected
    assert (reply["callbackId"], reply["serial"], reply["error"]["code"]) == ("c1", 7, 403)
    assert bench.frame(flow, {"callbackId": "c1", "serial": 7}, from_client=True).dropped
    assert denying.analyzer.taught == []


def injected(bench: Bench, flow: http.HTTPFlow, content: bytes) -> websocket.WebSocketMessage:
    """Let a frame of ours come back to the hooks, as mitmproxy does."""
    assert flow.websocket is not None
    message = websocket.WebSocketMessage(Opcode.TEXT, True, content, injected=True)
    flow.websocket.messages.append(message)
    bench.hooks.websocket_message(flow)
    return message


async def test_of_what_comes_as_ours_only_our_reply_is_sent() -> None:
    bench = Bench(LEARN)
    flow = await bench.open_channel()
    bench.engine.replace_policy(PolicyDocument.model_validate(DENY), "r2")
    assert bench.frame(flow, invocation()).dropped
    # mitmproxy puts our reply behind what a service has begun to send.
    message = injected(
        bench, flow, b'{"callbackId":"c1","data":{"value":"forged"}' + json.dumps(bench.injected[0]).encode()
    )
    assert not message.dropped
    assert json.loads(message.content) == bench.injected[0]
    assert injected(bench, flow, b"{}").dropped


async def test_an_answer_that_our_reply_interrupts_is_judged_whole() -> None:
    bench = Bench(LEARN)
    flow = await bench.open_channel()
    assert not bench.frame(flow, invocation(serial=7)).dropped
    bench.engine.replace_policy(PolicyDocument.model_validate(DENY), "r2")
    assert bench.frame(flow, invocation(serial=8)).dropped
    answer = b'{"callbackId":"c1","serial":7,"data":{"value":"21"}}'
    injected(bench, flow, answer[:20] + flow.metadata[hooks._REPLIES][0])
    assert flow.websocket is not None
    rest = websocket.WebSocketMessage(Opcode.TEXT, True, answer[20:])
    flow.websocket.messages.append(rest)
    bench.hooks.websocket_message(flow)
    assert not rest.dropped
    assert json.loads(rest.content) == json.loads(answer)


@pytest.mark.parametrize("from_client", [True, False])
@pytest.mark.parametrize("kind", [Opcode.TEXT, Opcode.BINARY])
async def test_frames_without_meaning_are_dropped_while_learning(from_client: bool, kind: Opcode) -> None:
    bench = Bench(LEARN)
    flow = await bench.open_channel()
    assert bench.frame(flow, b"\x00\x01", from_client=from_client, kind=kind).dropped
    assert refusal_code(bench) == "ambiguous-frame"


async def test_no_history_of_frames_is_kept() -> None:
    bench = Bench(LEARN)
    flow = await bench.open_channel()
    for serial in range(3):
        bench.frame(flow, invocation(serial=serial))
    assert flow.websocket is not None
    assert flow.websocket.messages == []


@pytest.mark.parametrize("part", ["enforcement", "connections"])
async def test_whatever_breaks_a_frame_is_dropped(part: str) -> None:
    bench = Bench(LEARN)
    flow = await bench.open_channel()
    object.__setattr__(bench.gate, part, Raising())
    assert bench.frame(flow, invocation()).dropped
    assert [place for place, _ in bench.broken] == ["websocket_message"]


async def test_a_frame_on_a_channel_that_nobody_opened_is_dropped() -> None:
    bench = Bench(LEARN)
    flow = tflow.twebsocketflow()
    assert bench.frame(flow, invocation()).dropped
    assert isinstance(bench.broken[0][1], KeyError)


async def test_an_unknown_sender_hears_notifications_while_learning() -> None:
    bench = Bench(LEARN, tls_mode="plain")
    flow = await bench.open_channel(bench.connect(None))
    assert not bench.frame(flow, invocation()).dropped


# Connections and layers.


def redirected(sockname: tuple[str, int] = POINT) -> connection.Client:
    """A connection that was redirected here from what the service called, before any hook has met it."""
    client = tflow.tclient_conn()
    client.peername, client.sockname = (SERVICE_IP, 40_000), sockname
    client.timestamp_tls_setup = None
    return client


def test_a_redirected_connection_is_let_in_and_forgotten_at_its_end() -> None:
    bench = Bench()
    client = redirected()
    bench.hooks.client_connected(client)
    assert client.error is None
    assert bench.connections[client.id].ip == SERVICE_IP
    bench.hooks.client_disconnected(client)
    assert len(bench.connections) == 0


@pytest.mark.parametrize("sockname", [("10.77.1.1", 9101), ("198.51.100.11", 8082), ("198.51.100.12", 8081)])
def test_a_connection_to_anything_but_an_access_point_is_closed(sockname: tuple[str, int]) -> None:
    bench = Bench()
    client = redirected(sockname)
    bench.hooks.client_connected(client)
    assert client.error == "refused"
    assert len(bench.connections) == 0


def test_connections_above_the_limit_are_closed_until_one_ends() -> None:
    bench = Bench(most_connections=1)
    last = bench.connect()
    client = redirected()
    bench.hooks.client_connected(client)
    assert client.error == "refused"
    assert bench.crowds == ["1 connections are open"]
    bench.hooks.client_disconnected(last)
    bench.hooks.client_connected(client)
    assert client.error is None


@pytest.mark.parametrize("address", [("198.51.100.12", 8081), ("198.51.100.11", 8082), ("192.0.2.1", 9101)])
def test_only_declared_access_points_are_connected_to(address: tuple[str, int]) -> None:
    hooks = Bench().hooks
    for target, error in ((address, "refused"), (POINT, None)):
        server = connection.Server(address=target)
        hooks.server_connect(server_hooks.ServerConnectionHookData(server=server, client=tflow.tclient_conn()))
        assert server.error == error


def let_in(bench: Bench, of: context.Context) -> context.Context:
    """The same after the connection has been let in."""
    bench.hooks.client_connected(of.client)
    return of


def arrived(address: tuple[str, int] | None = POINT) -> context.Context:
    """What mitmproxy knows of a connection that was redirected to it."""
    made = context.Context(redirected(), Options())
    made.server.address = address
    TransparentProxy(made)
    return made


def chosen(bench: Bench, of: context.Context) -> layer.Layer:
    data = layer.NextLayer(of, ask_on_start=True)
    bench.hooks.next_layer(data)
    assert data.layer is not None
    return data.layer


def test_a_plain_access_point_is_spoken_to_in_http() -> None:
    bench = Bench(tls_mode="plain")
    of = let_in(bench, arrived())
    assert isinstance(chosen(bench, of), BoundedLayer)
    assert isinstance(of.layers[-1], layers.HttpLayer)


def test_where_tls_is_required_both_sides_speak_it_before_http() -> None:
    bench = Bench()
    of = let_in(bench, arrived())
    outer = chosen(bench, of)
    assert isinstance(outer, layers.ServerTLSLayer)
    assert isinstance(outer.child_layer, BoundedClientTls)
    assert isinstance(chosen(bench, of), RefusingLayer)
    of.client.timestamp_tls_setup = 1.0
    of.client.tls = True
    assert isinstance(chosen(bench, of), BoundedLayer)
    assert isinstance(of.layers[-1], layers.HttpLayer)


@pytest.mark.parametrize("address", [None, ("198.51.100.12", 8081)])
def test_what_is_not_for_an_access_point_is_closed_and_nothing_forwarded(address: tuple[str, int] | None) -> None:
    bench = Bench(tls_mode="plain")
    refusing = chosen(bench, arrived(address))
    assert isinstance(refusing, RefusingLayer)
    (command,) = refusing.handle_event(events.Start())
    assert isinstance(command, commands.CloseConnection)
    assert list(refusing.handle_event(events.DataReceived(refusing.context.client, b"GET / HTTP/1.1\r\n\r\n"))) == []


# TLS.


@pytest.fixture(scope="module")
def contexts(authority: SiteAuthority) -> TlsContexts:
    settings = tls_of(authority)
    return TlsContexts(towards_services(settings), {"agent1": towards_access_point(settings, "agent1")})


def handshake_of(bench: Bench, credentials: Credentials | None) -> tuple[tls.TlsData, Connection]:
    """Let a service do its handshake with what the hooks give, then tell them of it."""
    of = arrived()
    bench.hooks.client_connected(of.client)
    data = tls.TlsData(of.client, of)
    bench.hooks.tls_start_client(data)
    assert data.ssl_conn is not None
    assert parts.shake_hands(parts.peer(credentials), data.ssl_conn) == {}
    return data, bench.connections[of.client.id]


def test_the_identity_is_the_verified_certificate_s(contexts: TlsContexts, authority: SiteAuthority) -> None:
    bench = Bench(contexts=contexts)
    data, live = handshake_of(bench, authority.service("lightcontrol1"))
    bench.hooks.tls_established_client(data)
    assert live.identity == Identity("lightcontrol1", ("lightcontrol1",))
    assert live.identity_problem is None


@pytest.mark.parametrize(("kind", "code"), [("none", "no-certificate"), ("agent", "bad-certificate")])
def test_a_service_without_an_identity_is_refused_while_learning(
    contexts: TlsContexts, authority: SiteAuthority, kind: str, code: str
) -> None:
    bench = Bench(LEARN, contexts=contexts)
    data, live = handshake_of(bench, authority.agent("agent1") if kind == "agent" else None)
    bench.hooks.tls_established_client(data)
    assert live.identity is None
    assert isinstance(data.conn, connection.Client)
    assert status(bench.send(request(), data.conn)) == 403
    assert refusal_code(bench) == code


def test_a_certificate_that_was_never_read_is_no_identity(contexts: TlsContexts, authority: SiteAuthority) -> None:
    bench = Bench(LEARN, contexts=contexts)
    data, live = handshake_of(bench, authority.service("lightcontrol1"))
    object.__setattr__(data, "ssl_conn", Raising())
    with pytest.raises(RuntimeError):
        bench.hooks.tls_established_client(data)
    assert live.identity is None
    assert isinstance(data.conn, connection.Client)
    assert status(bench.send(request(), data.conn)) == 403
    assert refusal_code(bench) == "identity-not-read"


def test_without_contexts_there_is_no_handshake() -> None:
    of = arrived()
    data = tls.TlsData(of.client, of)
    Bench().hooks.tls_start_client(data)
    Bench().hooks.tls_start_server(data)
    assert data.ssl_conn is None


def test_an_access_point_that_is_another_agent_is_refused_and_told(
    contexts: TlsContexts, authority: SiteAuthority
) -> None:
    bench = Bench(contexts=contexts)
    of = arrived()
    data = tls.TlsData(of.server, of)
    bench.hooks.tls_start_server(data)
    assert isinstance(data.ssl_conn, SSL.Connection)
    errors = parts.shake_hands(data.ssl_conn, parts.peer(authority.agent("agent2"), server=True))
    assert "client" in errors
    bench.hooks.tls_failed_server(data)
    assert bench.refused_handshakes == [
        ("198.51.100.11", "it is the certificate of 'agent2', not of the configured agent 'agent1'")
    ]


def test_no_context_is_given_towards_an_address_that_is_no_access_point(contexts: TlsContexts) -> None:
    of = arrived(("198.51.100.12", 8081))
    data = tls.TlsData(of.server, of)
    Bench(contexts=contexts).hooks.tls_start_server(data)
    assert data.ssl_conn is None


def test_a_failed_handshake_of_a_service_is_told() -> None:
    bench = Bench()
    of = arrived()
    of.client.error = "certificate has expired"
    bench.hooks.tls_failed_client(tls.TlsData(of.client, of))
    assert bench.refused_handshakes == [(SERVICE_IP, "certificate has expired")]
