"""Reads the structure of a real (emulated) Knowledge Agent, and of nobody who only claims to be it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from proxy import knowledge_agent
from proxy.configuration import AccessPoint, KeyPair, Tls
from proxy.knowledge_agent import StructureUnavailable, parse_structure, read_structure, services
from proxy.registry import AgentStructure
from proxy.revocation import RevocationsInForce
from tests.proxy.parts import plain_point, tls_of
from tests.site.certificates import Credentials, SiteAuthority
from tests.site.knowledge_agent.agent import KnowledgeAgent
from tests.site.network import Loopback
from tests.site.vsl_client import VslClient


@asynccontextmanager
async def serving(credentials: Credentials) -> AsyncIterator[tuple[KnowledgeAgent, Loopback]]:
    """An agent `agent1` on the loopback."""
    agent, network = KnowledgeAgent("agent1", credentials), Loopback()
    await agent.serve(network.listen("agent1"))
    try:
        yield agent, network
    finally:
        await agent.close()


@contextmanager
def answering(answer: bytes, *, interval: float | None = None, head: bytes = b"") -> Iterator[int]:
    """A peer on the loopback that answers everything with the given bytes, one each `interval` seconds if given.

    `head` comes before that, at once.
    """
    stop = threading.Event()

    def serve() -> None:
        client, _ = listener.accept()
        with client:
            received = b""
            while not received.endswith(b"}"):
                received += client.recv(65536)
            client.sendall(head)
            for piece in [answer] if interval is None else [bytes([each]) for each in answer]:
                try:
                    client.sendall(piece)
                except OSError:
                    return
                if interval is not None and stop.wait(interval):
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            stop.set()
            thread.join()


def point(port: int, *, tls: str = "required") -> AccessPoint:
    return AccessPoint.model_validate(plain_point(ipv4="127.0.0.1", port=port, tls=tls))


def http(body: bytes, *, status: str = "200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status.encode(), len(body), body)


async def read(port: int, tls: Tls, revocations: RevocationsInForce | None = None) -> AgentStructure:
    return await asyncio.to_thread(read_structure, point(port), tls, revocations or RevocationsInForce())


async def test_types_and_children_of_an_agent(authority: SiteAuthority) -> None:
    async with serving(authority.agent("agent1")) as (agent, network):
        context = authority.service("washingmachine1").client_context()
        client = VslClient(partial(network.reach, "washingmachine1", "agent1"), context, timeout=5.0)
        await client.register("/washingService")
        await client.close()
        structure = await read(network.ports["agent1"], tls_of(authority))
        assert agent.calls[-1].target == "/ka/requestKorUpdate"
    assert list(services("agent1", structure)) == [("/agent1/washingmachine1", "/washingService")]
    assert structure.types["/agent1/washingmachine1"] == "/washingService"
    assert structure.types["/agent1"] == "/treeRoot"
    assert "/agent1/washingmachine1" in structure.children["/agent1"]
    assert "/agent1/washingmachine1/washing" in structure.children["/agent1/washingmachine1"]


def test_an_agent_that_speaks_plain() -> None:
    with answering(http(b'{"addedNodes":{"/agent1":{"types":["/treeRoot"]}}}')) as port:
        structure = read_structure(point(port, tls="plain"), None, RevocationsInForce())
    assert structure.types == {"/agent1": "/treeRoot"}


@pytest.mark.parametrize("kind", ["another agent", "a service in its name", "self-signed"])
async def test_nothing_is_sent_to_who_is_not_the_agent(authority: SiteAuthority, kind: str) -> None:
    made = {
        "another agent": authority.agent("agent2"),
        "a service in its name": authority.impostor("agent1"),
        "self-signed": authority.self_signed("agent1"),
    }
    async with serving(made[kind]) as (agent, network):
        with pytest.raises(StructureUnavailable, match=rf"^agent1 at 127.0.0.1 port {network.ports['agent1']}: "):
            await read(network.ports["agent1"], tls_of(authority))
        assert agent.requests == 0


async def test_a_certificate_that_is_no_agent_s_is_explained(authority: SiteAuthority) -> None:
    service = authority.service("light1")
    pair = KeyPair(certificate=service.certificate, key=service.key)
    tls = Tls(site_ca=authority.certificate, towards_services=pair, towards_access_points=pair)
    async with serving(authority.agent("agent1")) as (_, network):
        with pytest.raises(StructureUnavailable, match="is the gateway's certificate a KA certificate"):
            await read(network.ports["agent1"], tls)


def test_nobody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(StructureUnavailable, match=rf"^agent1 at 127.0.0.1 port {port}: .*refused"):
        read_structure(point(port, tls="plain"), None, RevocationsInForce())


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (b"", "closed connection without response"),
        (b"\x10\x00\x04MQTT", "agent1 at 127.0.0.1"),
        (http(b"<html>"), "something that is not JSON"),
        (http(b"\xff\xfe\xfd"), "something that is not JSON"),
        (http(b"[]"), "holds no nodes"),
        (http(b"{}", status="500 Oops"), "answers 500"),
    ],
)
def test_answers_that_are_no_structure(answer: bytes, named: str) -> None:
    with answering(answer) as port, pytest.raises(StructureUnavailable, match=named):
        read_structure(point(port, tls="plain"), None, RevocationsInForce())


def test_an_answer_that_is_larger_than_a_site_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knowledge_agent, "_LARGEST_ANSWER", 1000)
    with answering(http(b" " * 2000 + b'{"addedNodes":{}}')) as port, pytest.raises(StructureUnavailable):
        read_structure(point(port, tls="plain"), None, RevocationsInForce())


def test_a_structure_that_is_nested_without_end() -> None:
    with answering(http(b"[" * 200_000)) as port, pytest.raises(StructureUnavailable):
        read_structure(point(port, tls="plain"), None, RevocationsInForce())


def test_certificate_files_that_have_gone_since_the_start(authority: SiteAuthority, tmp_path: Path) -> None:
    tls = tls_of(authority).model_copy(update={"site_ca": tmp_path / "gone.pem"})
    with pytest.raises(StructureUnavailable):
        read_structure(point(9), tls, RevocationsInForce())


def test_an_agent_that_answers_drop_by_drop_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knowledge_agent, "_SECONDS", 0.2)
    slow = http(b'{"addedNodes":{}}')
    with answering(slow, interval=0.01) as port, pytest.raises(StructureUnavailable):
        read_structure(point(port, tls="plain"), None, RevocationsInForce())


def test_an_agent_that_closes_and_answers_drop_by_drop_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knowledge_agent, "_SECONDS", 0.2)
    # The head comes at once, so that the connection lets go of its socket before the time is up; the rest never ends.
    body = b" " * 100_000 + b'{"addedNodes":{}}'
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
    with answering(body, interval=0.01, head=head) as port, pytest.raises(StructureUnavailable):
        read_structure(point(port, tls="plain"), None, RevocationsInForce())


def test_types_are_the_most_specific_ones() -> None:
    lamp = {"types": ["/lamp", "/basic/composed"], "children": {"on": {"types": ["/derived/boolean", "/basic/number"]}}}
    assert parse_structure({"addedNodes": {"/agent1/lamp1": lamp, "/agent1/x": {"types": [], "children": None}}}) == (
        AgentStructure(
            types={"/agent1/lamp1": "/lamp", "/agent1/lamp1/on": "/derived/boolean"},
            children={"/agent1/lamp1": ("/agent1/lamp1/on",)},
        )
    )


def test_a_list_is_one_by_any_of_its_types() -> None:
    nodes = {
        "/agent1/tv1/channels": {"types": ["/my/list", "/basic/list"]},
        "/agent1/tv1/rooms": {"types": ["/basic/list", "/basic/composed"]},
        "/agent1/tv1/list": {"types": ["/basic/listing"]},
        "/agent1/tv1/text": {"types": "/basic/list"},
    }
    structure = parse_structure({"addedNodes": nodes})
    assert structure.lists == {"/agent1/tv1/channels", "/agent1/tv1/rooms"}
    assert structure.types["/agent1/tv1/channels"] == "/my/list"


def test_services_are_what_is_no_part_of_the_agent_itself() -> None:
    types = {
        "/agent1": "/treeRoot",
        "/agent1/system": "/system/agent",
        "/agent1/search": "/searchProvider/search",
        "/agent1/lamp1": "/lamp",
        "/agent1/lamp1/on": "/derived/boolean",
        "/agent10/lamp2": "/lamp",
        "/agent1/agent2": "/treeRoot",
        "/agent1/thermometer": "/systematic",
    }
    found = services("agent1", AgentStructure(types=types, children={}))
    assert list(found) == [("/agent1/lamp1", "/lamp"), ("/agent1/thermometer", "/systematic")]


def nested(levels: int) -> dict[str, Any]:
    node: dict[str, Any] = {"types": ["/a"]}
    for _ in range(levels):
        node = {"types": ["/a"], "children": {"b": node}}
    return {"addedNodes": {"/agent1": node}}


@pytest.mark.parametrize("update", [None, [], {}, {"addedNodes": []}, {"addedNodes": {"/agent1": "x"}}, nested(40)])
def test_what_is_no_structure_is_refused(update: object) -> None:
    with pytest.raises(StructureUnavailable):
        parse_structure(update)


def test_deep_nodes_are_fine() -> None:
    assert len(parse_structure(nested(30)).types) == 31


def test_too_many_nodes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knowledge_agent, "_MOST_NODES", 10)
    nodes = {f"/agent1/s{number}": {"types": ["/a"]} for number in range(20)}
    with pytest.raises(StructureUnavailable, match="too large at /agent1/s11"):
        parse_structure({"addedNodes": nodes})
