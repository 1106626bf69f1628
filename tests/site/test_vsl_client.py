"""The services' client: what it sends, what it makes of answers and of silence."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest

from tests.site.conftest import TIMEOUT, Bench
from tests.site.http_client import UnreachableError
from tests.site.knowledge_agent.agent import KnowledgeAgent
from tests.site.knowledge_agent.identity import Identity, delegation
from tests.site.network import open_connection, open_listener
from tests.site.vsl_client import VslClient, VslError

type Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def counterpart(talk: Talk, *, timeout: float = TIMEOUT) -> AsyncIterator[VslClient]:
    """A client of a plain server that is played by the test."""
    listener = open_listener("127.0.0.1")
    server = await asyncio.start_server(talk, sock=listener)
    client = VslClient(partial(open_connection, *listener.getsockname()), None, timeout=timeout, host="agent1:8081")
    try:
        yield client
    finally:
        await client.close()
        server.close()


async def test_it_sends_what_the_stock_client_sends() -> None:
    seen = bytearray()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.extend(await reader.readuntil(b"0\r\n\r\n"))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()

    async with counterpart(talk) as client:
        await client.set("/agent1/lightcontrol1/lightOn", "1")
    head, _, body = bytes(seen).partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"PUT /vsl/agent1/lightcontrol1/lightOn HTTP/1.1",
        b"Host: agent1:8081",
        b"Accept: application/json",
        b"Content-Type: application/json; UTF-8",
        b"Transfer-Encoding: chunked",
    ]
    assert body == b'd\r\n{"value":"1"}\r\n0\r\n\r\n'


async def answered_with(answer: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with counterpart(talk) as client:
        await client.value("/agent1/x")


async def test_an_error_body_becomes_an_error_with_code_and_text() -> None:
    body = b'{"code":403,"message":"Access denied by Anomaly detection","type":"t"}'
    head = b"HTTP/1.1 403 Forbidden\r\nContent-Type: application/json;charset=utf-8\r\nContent-Length: %d\r\n\r\n"
    with pytest.raises(VslError) as refused:
        await answered_with(head % len(body) + body)
    assert (refused.value.code, refused.value.message) == (403, "Access denied by Anomaly detection")


@pytest.mark.parametrize("content", [b"Content-Type: text/html", b"Content-Type: application/json"])
async def test_an_error_without_a_readable_body_has_the_status_only(content: bytes) -> None:
    with pytest.raises(VslError) as refused:
        await answered_with(b"HTTP/1.1 502 Bad Gateway\r\n" + content + b"\r\nContent-Length: 3\r\n\r\n<a>")
    assert (refused.value.code, refused.value.message) == (502, "")


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{", b"MQTT\r\n\r\n"])
async def test_half_an_answer_is_none(answer: bytes) -> None:
    with pytest.raises(UnreachableError):
        await answered_with(answer)


async def test_silence_ends_after_the_timeout_and_the_next_call_connects_anew() -> None:
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        if connections == 2:
            writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"value":"5"}')
        await reader.read()
        writer.close()

    async with counterpart(talk, timeout=1.0) as client:
        began = time.monotonic()
        with pytest.raises(UnreachableError, match=r"no answer within 1.0 s"):
            await client.value("/agent1/x")
        assert time.monotonic() - began < TIMEOUT
        assert await client.value("/agent1/x") == "5"
    assert connections == 2


async def test_a_dead_access_point_is_unreachable() -> None:
    async def connect() -> socket.socket:
        raise ConnectionRefusedError

    with pytest.raises(UnreachableError):
        await VslClient(connect, None).value("/agent1/x")


async def test_calls_share_one_connection_in_turn(bench: Bench) -> None:
    client = bench.client("battery1")
    await client.register("/batteryService")
    before = bench.agents["agent1"].connections
    values = await asyncio.gather(*(client.value("/agent1/battery1/charge") for _ in range(20)))
    assert values == ["10"] * 20
    assert bench.agents["agent1"].connections == before


async def test_a_closed_callback_socket_can_be_opened_again(bench: Bench) -> None:
    client = bench.client("battery1")
    await client.register("/batteryService")
    await client.open_callbacks()
    usurper = bench.client("battery1")
    await usurper.open_callbacks()
    async with asyncio.timeout(TIMEOUT):
        assert client._socket is not None
        await client._socket.lost.wait()
    await client.open_callbacks()
    heard: asyncio.Queue[object] = asyncio.Queue()
    await client.subscribe("/agent1/battery1/charge", heard.put_nowait)
    await client.set("/agent1/battery1/charge", "3")
    async with asyncio.timeout(TIMEOUT):
        await heard.get()


async def test_without_tls_an_agent_believes_the_delegation_header(bench: Bench) -> None:
    agent = KnowledgeAgent("agent1")
    await agent.serve(bench.network.listen("plain"))
    headers = {"Authorization": delegation(Identity("battery1"))}
    client = VslClient(partial(bench.network.reach, "battery1", "plain"), None, headers=headers)
    assert await client.register("/batteryService") == "/agent1/battery1"
    nobody = VslClient(partial(bench.network.reach, "battery1", "plain"), None)
    with pytest.raises(VslError, match="403"):
        await nobody.value("/agent1/battery1/charge")
    for opened in (client, nobody, agent):
        await opened.close()
