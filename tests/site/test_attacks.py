"""Attacks over the wire, against access points that let pass, refuse, or fall silent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from models.access import Operation
from models.simulation.floorplan import Service
from models.simulation.intrusion import Intrusion
from models.simulation.step import Step
from tests.site.attacks import drive
from tests.site.calls import Tally
from tests.site.clock import Clock
from tests.site.conftest import TIMEOUT, Bench
from tests.site.network import open_connection, open_listener
from tests.site.vsl_client import VslClient

BATTERY = Service("battery1", "agent1", "/batteryService", "Showerroom")
FLOOD = Intrusion(
    label="DoSattack",
    attacker=BATTERY,
    steps=tuple(Step(index, Operation.GET, "/agent1/battery1/charge") for index in range(50)),
)
BODY = b'{"code":403,"message":"Access denied by Anomaly detection","type":"t"}'
REFUSAL = b"HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
VALUE = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{"value":"5"}'


@asynccontextmanager
async def gateway(answers: Callable[[int], bytes | None], timeout: float = TIMEOUT) -> AsyncIterator[VslClient]:
    """A client of a gateway that answers the n-th request as given; None is silence."""
    asked = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        while await reader.readline():
            await reader.readuntil(b"\r\n\r\n")
            asked += 1
            answer = answers(asked)
            if answer is not None:
                writer.write(answer)
        writer.close()

    listener = open_listener("127.0.0.1")
    server = await asyncio.start_server(talk, sock=listener)
    client = VslClient(partial(open_connection, *listener.getsockname()), None, timeout=timeout)
    try:
        yield client
    finally:
        await client.close()
        server.close()


async def test_an_attack_that_nobody_stops(bench: Bench) -> None:
    client = bench.client("battery1")
    await client.register("/batteryService")
    report = await drive(FLOOD, client, Clock(60))
    assert report.tally == Tally(calls=50, answered=50)
    assert (report.first_refused, report.cut_off) == (None, False)
    assert (report.label, report.attacker) == ("DoSattack", "/agent1/battery1")


async def test_one_that_is_refused_from_the_sixth_call_on() -> None:
    async with gateway(lambda asked: VALUE if asked < 6 else REFUSAL) as client:
        report = await drive(FLOOD, client, Clock(60))
    assert report.tally == Tally(calls=50, answered=5, refused=45)
    assert report.first_refused == 6


async def test_one_that_ends_in_silence_is_given_up_soon() -> None:
    began = time.monotonic()
    async with gateway(lambda asked: VALUE if asked < 4 else None, 1.0) as client:
        report = await drive(FLOOD, client, Clock(60))
    assert report.tally == Tally(calls=6, answered=3, silent=3)
    assert (report.first_refused, report.cut_off, report.planned) == (4, True, 50)
    assert time.monotonic() - began < 40, "it would be some fifty seconds"


async def test_an_error_of_the_access_point_is_no_refusal(bench: Bench) -> None:
    report = await drive(FLOOD, bench.client("battery1"), Clock(60))
    assert report.tally == Tally(calls=50, failed=50)
    assert report.first_refused is None


async def test_steps_keep_their_distance(bench: Bench) -> None:
    attack = Intrusion(
        label="spying",
        attacker=BATTERY,
        steps=tuple(Step(index * 1000, Operation.GET, "/agent1/x") for index in range(4)),
    )
    clock = Clock(20, start=0)
    await drive(attack, bench.client("battery1"), clock)
    assert 3_000 <= clock.event_now() < 20_000


async def test_one_that_is_cut_short(bench: Bench) -> None:
    report = await drive(FLOOD, bench.client("battery1"), Clock(60), lasting=20)
    assert (report.tally.calls, report.planned) == (20, 20)
