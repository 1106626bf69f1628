"""Where sockets come from."""

from __future__ import annotations

import asyncio
import socket

import pytest

from tests.site.network import Hosts, Place, open_connection, open_listener


async def test_hosts_connect_from_their_own_address_with_their_own_sockets() -> None:
    made: list[int] = []

    def make(family: int, kind: int) -> socket.socket:
        made.append(family)
        return socket.socket(family, kind)

    network = Hosts({"agent1": Place("127.0.0.1", make)}, {"tempin1": Place("127.0.0.7", make)}, port=0)
    listener = network.listen("agent1")[0]
    listener.listen()
    hosts = Hosts(
        {"agent1": Place("127.0.0.1", make)}, {"tempin1": Place("127.0.0.7", make)}, port=listener.getsockname()[1]
    )
    with await hosts.reach("tempin1", "agent1") as connection, listener.accept()[0] as accepted, listener:
        assert accepted.getpeername() == connection.getsockname()
        assert connection.getsockname()[0] == "127.0.0.7"
        assert connection.gettimeout() == 0
    assert len(made) == 2


async def test_a_refused_connection_is_an_error() -> None:
    with open_listener("127.0.0.1") as bound, pytest.raises(ConnectionRefusedError):
        async with asyncio.timeout(30):
            await open_connection("127.0.0.1", bound.getsockname()[1])


async def test_ipv6() -> None:
    with open_listener("::1") as listener:
        listener.listen()
        with await open_connection("::1", listener.getsockname()[1]) as connection:
            assert connection.getpeername()[0] == "::1"
