"""The whole catalogue of the middleware, with the gateway and without: the same answers."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from tests.enforcement.conftest import LEARN, Bench
from tests.network.namespaces import Host, Topology
from tests.site.gateway_process import AGENT_PORT
from tests.site.house import HOUSE
from tests.site.network import open_connection
from tests.site.vsl_client import CBOR, JSON, VslClient, VslError
from tests.waiting import until

MESSAGES = 2
"""Notifications that a service hears of its own node."""
Make = Callable[[str, str], VslClient]
"""Makes a client by the name of its service and the form that it speaks."""


def clients(bench: Bench, host: Host, sources: dict[str, str]) -> Make:
    """Return clients on a host: services behind the gateway, or neighbours of the access points."""

    def make(name: str, media_type: str) -> VslClient:
        connect = partial(
            open_connection, Topology.ACCESS_IPV4[0], AGENT_PORT, source=sources[name], make_socket=host.socket
        )
        context = bench.authority.service(name).client_context()
        return VslClient(connect, context, timeout=20.0, media_type=media_type)

    return make


async def outcome(call: Awaitable[Any]) -> Any:
    """Return what a call gives, or the code and text of its error."""
    try:
        return await call
    except VslError as error:
        return error.code, error.message


async def catalogue(make: Make, suffix: str, form: str) -> list[Any]:
    """Do everything there is, as two services; return every result, without what differs by names and times."""
    house, light = make(f"house{suffix}", form), make(f"light{suffix}", form)
    own, other = f"/agent1/house{suffix}", f"/agent1/light{suffix}"
    rooms, picture = f"{own}/rooms", f"{own}/picture"
    heard: list[str] = []

    async def searched(search: Awaitable[list[str]]) -> list[str]:
        return [address for address in await search if address.startswith((own, other))]

    calls: list[Awaitable[Any]] = [
        house.register(HOUSE),
        light.register("/lightControler"),
        light.register("/nosuch"),
        house.open_callbacks(),
        light.open_callbacks(),
        house.add(rooms, "/basic/text", "kitchen"),
        house.add("/~/rooms", "/basic/text", "hall", position=0),
        house.add(rooms, "/basic/text", "hall"),
        house.set(f"{rooms}/kitchen", "warm"),
        house.elements(rooms),
        light.value(f"{rooms}/kitchen"),
        house.delete(rooms, "hall"),
        light.elements(rooms),
        searched(light.search("/roomList", "/basic/list")),
        searched(light.type_search("agent1", "/roomList")),
        light.search("/nosuch"),
        light.subscribe(f"{other}/lightOn", lambda frame: heard.append(frame["address"])),
        light.set("/~", {"children": {"lightOn": {"value": "1"}}}),
        light.set(other, {"children": {"lightOn": {"value": "0"}, "none": {"value": "1"}}}),
        light.set(f"{other}/lightOn", "7"),
        light.get(other, depth=1),
        light.value(f"{other}/lightOn"),
        house.notify(f"{other}/lightOn"),
        light.unsubscribe(f"{other}/lightOn"),
        light.lock(other),
        house.set(f"{other}/lightOn", "0"),
        light.set(f"{other}/lightOn", "0"),
        light.commit(other),
        light.rollback(other),
        light.value(f"{other}/lightOn"),
        light.get_stream(picture),
        light.register_virtual_node(picture, lambda _: None),
        house.register_virtual_node(picture, lambda _: {"value": "a camera"}, lambda *_: b"\0" * 100_000),
        light.value(picture),
        light.set(picture, "on"),
        light.get_stream(picture),
        light.set_stream(picture, b"\0" * 100_000),
        house.unregister_virtual_node(picture),
        light.value(picture),
        house.register_virtual_node(picture, lambda _: {"value": "a camera"}),
        house.unregister(),
        light.value(picture),
    ]
    found = [await outcome(call) for call in calls]
    await until(lambda: len(heard) >= MESSAGES)
    await house.close()
    await light.close()
    return [str(each).replace(f"house{suffix}", "house").replace(f"light{suffix}", "light") for each in (*found, heard)]


async def test_every_call_has_the_same_outcome_with_the_gateway_and_without(bench: Bench) -> None:
    bench.configure(LEARN)
    near, lan = Topology.ACCESS_IPV4[1], bench.topology.lan
    house, light = bench.topology.service_ipv4(0), bench.topology.service_ipv4(1)
    forms = {"1": JSON, "2": CBOR}
    direct = {
        form: await catalogue(
            clients(bench, bench.topology.access, {f"house8{n}": near, f"light8{n}": near}), f"8{n}", form
        )
        for n, form in forms.items()
    }
    with bench.gateway.running():
        through = {
            form: await catalogue(clients(bench, lan, {f"house9{n}": house, f"light9{n}": light}), f"9{n}", form)
            for n, form in forms.items()
        }
    assert through == direct
    accesses = [access for v in bench.gateway.verdicts() for access in v["accesses"]]
    # Known at once, as the change of the list waited for it.
    assert {a["data_type"] for a in accesses if a["node"] == "/agent1/house91/rooms/kitchen"} == {"/basic/text"}
    refused = [(v["reason"], v["request"]) for v in bench.gateway.verdicts() if v["would_be"] != "forward"]
    assert refused == []
    assert {access["operation"] for access in accesses} == {
        *("get", "set", "subscribe", "unsubscribe", "notify", "lock", "commit", "rollback", "register", "connect"),
        *("register-virtual", "unregister-virtual", "unregister", "get-stream", "set-stream"),
    }


def test_who_speaks_http2_or_xml_is_told_apart_with_the_remedy(bench: Bench) -> None:
    bench.configure(LEARN)
    only_http2 = bench.authority.service("lightcontrol1").client_context()
    only_http2.set_alpn_protocols(["h2"])
    either = bench.authority.service("movement1").client_context()
    either.set_alpn_protocols(["h2", "http/1.1"])
    xml = b"<node><value>1</value></node>"
    with bench.gateway.running():
        with pytest.raises(ssl.SSLError):
            bench.connect(only_http2)
        with bench.connect(either) as service:
            assert service.tls.selected_alpn_protocol() == "http/1.1"
            assert service.register("/movementSensor") == 200
            head = f"PUT /vsl/~/movement HTTP/1.1\r\nHost: a\r\nContent-Length: {len(xml)}\r\n"
            for _ in range(2):
                service.send(head.encode() + b"Content-Type: application/xml\r\n\r\n" + xml)
                assert b" 415 " in service.receive().partition(b"\r\n")[0]
            service.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            assert b" 403 " in service.receive().partition(b"\r\n")[0]
        bench.gateway.wait_for(lambda: len(bench.gateway.verdicts()) == 4)
        reasons = [verdict["reason"] for verdict in bench.gateway.verdicts()]
        (handshake,) = [record for record in bench.gateway.records() if record["kind"] == "tls-refusal"]
    assert reasons == ["normal", "xml-body", "xml-body", "http2"]
    assert "let the service use HTTP/1.1" in handshake["sentence"]
    told = [line for line in bench.gateway.log().splitlines() if "let the service" in line]
    assert len(told) == 3
