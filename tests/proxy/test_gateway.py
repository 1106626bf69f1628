"""mitmproxy as we embed it: its listeners, what it does not load, and its end."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from proxy.configuration import GatewayDocument
from proxy.gateway import Gateway, listeners
from tests.ports import free_port
from tests.proxy.parts import plain_point, plain_settings
from tests.waiting import PATIENCE, until


def document(port: int) -> GatewayDocument:
    point = plain_point(listen_port=port)
    return GatewayDocument.model_validate(plain_settings(listen={"ipv4": "127.0.0.1"}, access_points=[point]))


@asynccontextmanager
async def running(port: int, directory: Path) -> AsyncIterator[Gateway]:
    gateway = Gateway(document(port), directory)
    task = asyncio.create_task(gateway.run())
    try:
        await until(lambda: task.done() or started(gateway))
        yield gateway
    finally:
        gateway.shut_down()
        await asyncio.wait_for(task, PATIENCE)


def started(gateway: Gateway) -> bool:
    """Whether errors that are logged end the process no more, as that of a connection that was not redirected would."""
    errorcheck = gateway._master.addons.get("errorcheck")
    return errorcheck.logger not in logging.getLogger().handlers


async def connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.01)


def test_a_listener_for_each_access_point_and_family() -> None:
    settings = plain_settings(
        listen={"ipv4": "10.77.1.1", "ipv6": "fd77:1::1"},
        access_points=[
            plain_point(ipv6="fd77:2::11"),
            plain_point(agent="agent2", ipv4=None, ipv6="fd77:2::12", listen_port=9102),
        ],
    )
    assert listeners(GatewayDocument.model_validate(settings)) == [
        ("10.77.1.1", 9101),
        ("fd77:1::1", 9101),
        ("fd77:1::1", 9102),
    ]


def test_each_worker_listens_a_port_further() -> None:
    document = GatewayDocument.model_validate(plain_settings(workers=3))
    assert [listeners(document, worker) for worker in range(3)] == [[("10.77.1.1", 9101 + k)] for k in range(3)]


async def test_nothing_but_our_hooks_decides_on_a_connection(tmp_path: Path) -> None:
    gateway = Gateway(document(9101), tmp_path)
    loaded = set(gateway._master.addons.lookup)
    assert loaded == {"core", "proxyserver", "errorcheck"}
    options = gateway._master.options
    assert (options.connection_strategy, options.rawtcp, options.http2, options.http3) == ("lazy", False, False, False)
    assert options.validate_inbound_headers
    assert options.tcp_timeout > 300
    assert (options.ignore_hosts, options.allow_hosts, options.tcp_hosts) == ([], [], [])
    assert options.stream_large_bodies is None


async def test_a_connection_that_was_not_redirected_is_closed_without_a_word(tmp_path: Path) -> None:
    port = free_port()
    async with running(port, tmp_path):
        reader, writer = await connected(port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        try:
            answer = await asyncio.wait_for(reader.read(), PATIENCE)
        except ConnectionResetError:
            answer = b""
        writer.close()
    assert answer == b""


async def test_a_listener_that_is_taken_ends_the_process(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        gateway = Gateway(document(taken.getsockname()[1]), tmp_path)
        with pytest.raises(SystemExit) as ended:
            await asyncio.wait_for(gateway.run(), PATIENCE)
    assert ended.value.code == 1
    assert "address already in use" in caplog.text


async def test_cutting_connections_that_have_gone_does_nothing(tmp_path: Path) -> None:
    Gateway(document(9101), tmp_path).abort(["gone"])


async def test_an_end_that_is_asked_for_before_it_serves_is_not_forgotten(tmp_path: Path) -> None:
    gateway = Gateway(document(free_port()), tmp_path)
    gateway.shut_down()
    await asyncio.wait_for(gateway.run(), PATIENCE)


async def test_the_end_may_be_asked_for_from_another_thread(tmp_path: Path) -> None:
    port = free_port()
    gateway = Gateway(document(port), tmp_path)
    task = asyncio.create_task(gateway.run())
    await until(lambda: task.done() or started(gateway))
    assert not task.done()
    await asyncio.to_thread(gateway.shut_down)
    await asyncio.wait_for(task, PATIENCE)
