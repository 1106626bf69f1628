"""The emulator's HTTP layer: what has a body, what it refuses, what it counts. Source: vsl-rest, sections 1 to 4."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import cbor2
import msgspec
import pytest

from tests.site.certificates import Credentials, SiteAuthority
from tests.site.conftest import TIMEOUT, Bench, error
from tests.site.http_client import HttpConnection, UnreachableError
from tests.site.knowledge_agent.agent import KnowledgeAgent
from tests.site.network import Loopback
from tests.site.vsl_client import CBOR, VslClient
from tests.waiting import until

OWN = "/vsl/~"


@pytest.fixture
async def battery(bench: Bench) -> Credentials:
    await bench.client("battery1").register("/batteryService")
    return bench.authority.service("battery1")


@pytest.mark.parametrize(
    ("method", "target", "body", "headers", "status"),
    [
        ("GET", "/vsl", None, {}, 404),
        ("GET", "/index", None, {}, 404),
        ("GET", "/callbacks", None, {}, 405),
        ("GET", f"{OWN}/charge", None, {"Accept": ""}, 500),
        ("GET", f"{OWN}/charge", None, {"Accept": "text/html"}, 500),
        ("POST", f"{OWN}/charge", "{", {}, 400),
        ("POST", f"{OWN}/charge", "", {}, 400),
        ("POST", f"{OWN}/charge", '{"operation":"DANCE"}', {}, 400),
        ("POST", f"{OWN}/charge", "<a/>", {"Content-Type": "text/plain"}, 415),
        ("POST", "/ka/requestKorUpdate", "{}", {}, 403),
        ("POST", "/service/register", "{}", {"Content-Type": "text/plain"}, 415),
    ],
)
async def test_errors_of_the_http_layer_have_a_body_for_get_and_post(
    bench: Bench, battery: Credentials, method: str, target: str, body: str | None, headers: dict[str, str], status: int
) -> None:
    assert error(await bench.ask(battery, method, target, body, headers=headers))[0] == status


@pytest.mark.parametrize(
    ("method", "target", "headers", "status"),
    [
        ("PUT", "/index", {}, 404),
        ("PUT", f"{OWN}/charge", {"Content-Type": "text/plain"}, 415),
        ("PUT", f"{OWN}/charge", {"Content-Type": ""}, 500),
        ("DELETE", f"{OWN}/charge", {}, 405),
        ("HEAD", f"{OWN}/charge", {}, 405),
    ],
)
async def test_for_other_methods_they_have_none(
    bench: Bench, battery: Credentials, method: str, target: str, headers: dict[str, str], status: int
) -> None:
    body = "{" if method == "PUT" else None
    response = await bench.ask(battery, method, target, body, headers=headers)
    assert (response.status, response.headers["content-length"], response.body) == (status, "0", b"")


async def test_put_of_nonsense_has_no_body_and_put_of_an_absent_node_has_one(
    bench: Bench, battery: Credentials
) -> None:
    nonsense = await bench.ask(battery, "PUT", f"{OWN}/charge", "{")
    assert (nonsense.status, nonsense.body) == (400, b"")
    absent = await bench.ask(battery, "PUT", f"{OWN}/none", '{"value":"1"}')
    assert error(absent) == (404, "Node not found: /agent1/battery1/none")


@pytest.mark.parametrize(("sent", "kept"), [("7", "7"), ('"7"', "7"), ("7.5", "7.5"), ("true", "true")])
async def test_any_scalar_is_kept_as_text(bench: Bench, battery: Credentials, sent: str, kept: str) -> None:
    await bench.ask(battery, "PUT", f"{OWN}/charging", f'{{"value":{sent},"unknown":[]}}')
    response = await bench.ask(battery, "GET", f"{OWN}/charging")
    assert msgspec.json.decode(response.body) == {"value": kept}


async def test_a_set_is_all_or_nothing(bench: Bench, battery: Credentials) -> None:
    body = '{"children":{"charge":{"value":"3"},"none":{"value":"1"}}}'
    assert (await bench.ask(battery, "PUT", OWN, body)).status == 404
    assert (await bench.ask(battery, "GET", f"{OWN}/charge")).body == b'{"value":"10"}'


async def test_cbor_in_both_directions(bench: Bench, battery: Credentials) -> None:
    body = cbor2.dumps({"value": "4"})
    headers = {"Content-Type": "application/cbor"}
    assert (await bench.ask(battery, "PUT", f"{OWN}/charge", body, headers=headers)).status == 204
    response = await bench.ask(battery, "GET", f"{OWN}/charge", headers={"Accept": "application/cbor;q=0.9"})
    assert cbor2.loads(response.body) == {"value": "4"}


async def test_a_client_that_speaks_cbor(bench: Bench) -> None:
    context = bench.authority.service("lightcontrol1").client_context()
    client = VslClient(partial(bench.network.reach, "lightcontrol1", "agent1"), context, media_type=CBOR)
    assert await client.register("/lightControler") == "/agent1/lightcontrol1"
    await client.set("/agent1/lightcontrol1/lightOn", "1")
    await client.subscribe("/agent1/lightcontrol1/lightOn", lambda _: None)
    assert await client.get("/agent1/lightcontrol1/lightOn") == {"value": "1"}
    await client.close()


async def test_addresses(bench: Bench, battery: Credentials) -> None:
    assert (await bench.ask(battery, "GET", "/vsl/agent1/battery1/charge/")).status == 200
    assert (await bench.ask(battery, "GET", "/vsl/agent1//battery1/charge")).status == 404
    deep = await bench.ask(battery, "GET", "/vsl/agent1?scope=META;depth=-1;junk")
    assert b'"/basic/number"' in deep.body
    shallow = await bench.ask(battery, "GET", "/vsl/agent1/battery1?depth=many")
    assert shallow.body == b"{}"


async def test_preflight_needs_no_certificate(bench: Bench) -> None:
    response = await bench.ask(None, "OPTIONS", "/vsl/x", headers={"Origin": "https://a"})
    assert response.status == 200
    assert response.headers["allow"] == "GET, HEAD, PUT, POST, OPTIONS"
    assert response.headers["access-control-allow-origin"] == "https://a"


async def test_files_need_no_certificate_either(bench: Bench) -> None:
    assert (await bench.ask(None, "GET", "/config.txt")).body == b"secret=1"


async def test_a_connection_is_kept_and_pipelined_requests_are_answered_in_order(
    bench: Bench, battery: Credentials
) -> None:
    context = battery.client_context()
    sock = await bench.network.reach("battery1", "agent1")
    reader, writer = await asyncio.open_connection(sock=sock, ssl=context, server_hostname="")
    ask = "GET /vsl/~/{} HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\n\r\n"
    writer.write((ask.format("charge") + ask.format("charging")).encode())
    async with asyncio.timeout(TIMEOUT):
        first = await reader.readuntil(b"0\r\n\r\n")
        second = await reader.readuntil(b"0\r\n\r\n")
    writer.close()
    assert b'{"value":"10"}' in first
    assert b'{"value":"false"}' in second


async def test_what_is_no_http_is_answered_with_400_and_closed(bench: Bench, battery: Credentials) -> None:
    sock = await bench.network.reach("battery1", "agent1")
    reader, writer = await asyncio.open_connection(sock=sock, ssl=battery.client_context(), server_hostname="")
    writer.write(b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00\r\n\r\n")
    async with asyncio.timeout(TIMEOUT):
        assert (await reader.read()).startswith(b"HTTP/1.1 400")
    writer.close()


async def test_every_byte_and_every_call_is_counted(bench: Bench, battery: Credentials) -> None:
    agent = bench.agents["agent1"]
    before = agent.bytes_received, agent.connections, agent.requests, len(agent.calls)
    sock = await bench.network.reach("nobody", "agent1")
    await asyncio.get_running_loop().sock_sendall(sock, b"x" * 10)
    await until(lambda: agent.bytes_received > before[0])
    sock.close()
    assert (agent.bytes_received, agent.connections) == (before[0] + 10, before[1] + 1)
    assert (agent.requests, len(agent.calls)) == before[2:]
    await bench.ask(battery, "GET", f"{OWN}/charge")
    assert agent.requests == before[2] + 1
    assert (agent.calls[-1].method, agent.calls[-1].target, agent.calls[-1].client_id, agent.calls[-1].status) == (
        "GET",
        "/vsl/~/charge",
        "battery1",
        200,
    )


@pytest.mark.parametrize("kind", ["self-signed", "other authority", "expired"])
async def test_forged_certificates_are_refused_by_tls(bench: Bench, kind: str, tmp_path: Path) -> None:
    match kind:
        case "self-signed":
            forged = bench.authority.self_signed("battery1")
        case "other authority":
            forged = SiteAuthority(tmp_path).service("battery1").trusting(bench.authority.certificate)
        case _:
            forged = bench.authority.service("battery1", expired=True)
    with pytest.raises(UnreachableError):
        await bench.ask(forged, "GET", f"{OWN}/charge")
    assert bench.agents["agent1"].bytes_received > 0
    assert not bench.agents["agent1"].calls


async def test_an_upgrade_to_something_else_is_answered_as_if_it_were_none(bench: Bench, battery: Credentials) -> None:
    headers = {"Connection": "Upgrade", "Upgrade": "h2c"}
    response = await bench.ask(battery, "GET", f"{OWN}/charge", headers=headers)
    assert response.body == b'{"value":"10"}'


async def test_an_idle_connection_is_closed(authority: SiteAuthority) -> None:
    network = Loopback()
    agent = KnowledgeAgent("agent1", authority.agent("agent1"), idle_timeout=0.1)
    await agent.serve(network.listen("agent1"))
    context = authority.service("battery1").client_context()
    connection = await HttpConnection.open(partial(network.reach, "battery1", "agent1"), context, TIMEOUT)
    assert not connection.closed
    async with asyncio.timeout(TIMEOUT):
        await connection.lost.wait()
    await agent.close()
