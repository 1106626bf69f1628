"""Workers are started, listened to, and started again however they end."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from proxy.processes.messages import Begin, InForce, Refreshed, ToSupervisor
from proxy.supervisor import workers as module
from proxy.supervisor.workers import Listener, Workers
from tests.waiting import PATIENCE, until

WORKER = """
import argparse, asyncio, os, signal, sys
from proxy.processes.channel import Channel, Ends
from proxy.processes.messages import *
from tests.proxy.parts import beat

async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--channel", type=int, nargs=2)
    parser.add_argument("--parent", type=int)
    channel = await Channel.over(Ends(*parser.parse_args().channel), ToWorker)
    begin = await channel.receive()
    {body}

asyncio.run(main())
"""
SERVES = """
    channel.send(Serving())
    channel.send(beat(pid=os.getpid(), connections=begin.number))
    while not isinstance(message := await channel.receive(), Stop):
        if isinstance(message, Refreshed):
            channel.send(InForce(str(message.ticket)))
    await channel.sent()
"""
FAILS = """
    channel.send(Failed(["port 1 is taken; free it"]))
    await channel.sent()
    sys.exit(2)
"""
STUBBORN = """
    channel.send(Serving())
    await channel.sent()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    while True:
        await asyncio.sleep(60)
"""
TALKS_NONSENSE = """
    channel.send(Serving())
    channel._writing.write(b"nonsense, and more of it than a length needs")
    await asyncio.sleep(60)
"""


class Heard:
    def __init__(self) -> None:
        self.begun: list[int] = []
        self.messages: list[tuple[int, ToSupervisor]] = []
        self.serving: list[int] = []
        self.ended: list[tuple[int, str]] = []
        self.problem: Exception | None = None

    def begin(self, number: int) -> Begin:
        self.begun.append(number)
        return Begin(
            number=number,
            document=b"",
            policy=b"",
            revision="r1",
            inventory=b"",
            state=b"",
            start=0,
            origin=0.0,
            structures={},
            quarantines=[],
        )

    def take(self, number: int, message: ToSupervisor) -> None:
        if self.problem is not None:
            raise self.problem
        self.messages.append((number, message))


@asynccontextmanager
async def running(body: str, count: int = 1) -> AsyncIterator[tuple[Workers, Heard, list[str]]]:
    heard = Heard()
    listener = Listener(
        begin=heard.begin,
        on_message=heard.take,
        on_serving=heard.serving.append,
        on_ended=lambda number, reason: heard.ended.append((number, reason)),
    )
    workers = Workers(count, (sys.executable, "-c", WORKER.format(body=body.strip())), listener)
    problems = await workers.start()
    try:
        yield workers, heard, problems
    finally:
        await workers.stop()


def pid(workers: Workers, number: int) -> int:
    beat = workers.beats()[number]
    return 0 if beat is None else beat.pid


async def test_all_serve_and_are_told_what_is_for_them() -> None:
    async with running(SERVES, 2) as (workers, heard, problems):
        assert problems == []
        assert sorted(heard.serving) == sorted(heard.begun) == [0, 1]
        workers.send(1, Refreshed(7))
        workers.tell_all(Refreshed(8))
        workers.tell_all(Refreshed(9), but=0)
        await until(lambda: len(heard.messages) == 4)
        assert [m for n, m in heard.messages if n == 0] == [InForce("8")]
        assert [m for n, m in heard.messages if n == 1] == [InForce("7"), InForce("8"), InForce("9")]
        assert workers.alive() == workers.serving() == (0, 1)
    assert heard.ended == []
    assert workers.serving() == ()


async def test_one_that_is_killed_is_started_again_and_the_others_do_not_notice() -> None:
    async with running(SERVES, 2) as (workers, heard, _):
        await until(lambda: pid(workers, 0) > 0 and pid(workers, 1) > 0)
        before = pid(workers, 0), pid(workers, 1)
        workers.end(0)
        await until(lambda: workers.serving() == (0, 1) and pid(workers, 0) not in {0, before[0]})
        assert pid(workers, 1) == before[1]
        assert heard.begun.count(0) == 2
        assert workers.restarts() == 1
        assert heard.ended == [(0, "the other process has ended, by signal 9")]


async def test_why_one_cannot_serve_is_told() -> None:
    async with running(FAILS) as (_, _, problems):
        assert problems == ["port 1 is taken; free it"]


async def test_a_program_that_is_not_there_is_told() -> None:
    heard = Heard()
    listener = Listener(heard.begin, heard.take, heard.serving.append, lambda *_: None)
    workers = Workers(1, ("/does/not/exist",), listener)
    (problem,) = await workers.start()
    assert problem.startswith("a worker cannot be started: ")
    await workers.stop()


async def test_one_that_hangs_is_ended_and_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SILENCE_SECONDS", 0.3)
    async with running(STUBBORN) as (_, heard, _):
        await until(lambda: len(heard.serving) > 1)
        assert heard.ended[0] == (0, "the other process has ended, by signal 9")


async def test_one_that_does_not_end_in_time_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_STOP_SECONDS", 0.3)
    async with running(STUBBORN) as (workers, _, _):
        pass
    assert workers.serving() == ()


async def test_one_that_talks_nonsense_is_ended() -> None:
    async with running(TALKS_NONSENSE) as (_, heard, _):
        await until(lambda: len(heard.ended) > 0)
        assert "a message of" in heard.ended[0][1]


async def test_one_whose_message_cannot_be_taken_is_ended() -> None:
    async with running(SERVES) as (workers, heard, _):
        heard.problem = ValueError("damaged")
        workers.send(0, Refreshed(1))
        await until(lambda: len(heard.ended) > 0)
        assert "what it said can not be read: damaged" in heard.ended[0][1]


async def test_a_defect_where_messages_are_taken_does_not_go_unnoticed() -> None:
    async with running(SERVES) as (workers, heard, _):
        heard.problem = RuntimeError("a defect")
        workers.send(0, Refreshed(1))
        with pytest.raises(RuntimeError, match="a defect"):
            await asyncio.wait_for(workers.forever(), PATIENCE)
