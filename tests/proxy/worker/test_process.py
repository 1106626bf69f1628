"""A worker as a process: it lives as long as the supervisor, and says why it cannot serve."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from proxy.processes.channel import Channel, pair
from proxy.processes.messages import Begin, Failed, Refreshed, Serving, Stop, ToSupervisor, ToWorker
from tests.ports import free_port
from tests.proxy.parts import plain_point, plain_settings
from tests.proxy.worker.test_worker import beginning
from tests.waiting import PATIENCE


async def start() -> tuple[asyncio.subprocess.Process, Channel[ToWorker, ToSupervisor]]:
    ours, its = pair()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "proxy.worker"),
        *("--channel", str(its.reading), str(its.writing), "--parent", str(os.getpid())),
        pass_fds=its,
        stderr=asyncio.subprocess.PIPE,
    )
    for end in its:
        os.close(end)
    return process, await Channel.over(ours, ToSupervisor)


def begin(directory: Path) -> Begin:
    settings = plain_settings(
        state_directory="state", listen={"ipv4": "127.0.0.1"}, access_points=[plain_point(listen_port=free_port())]
    )
    return beginning(directory, settings)


async def hear(channel: Channel[ToWorker, ToSupervisor], kind: type[ToSupervisor]) -> ToSupervisor:
    async with asyncio.timeout(PATIENCE):
        while not isinstance(message := await channel.receive(), kind):
            pass
    return message


async def test_signals_to_all_processes_of_the_gateway_are_the_supervisor_s_to_act_upon(tmp_path: Path) -> None:
    process, channel = await start()
    channel.send(begin(tmp_path))
    await hear(channel, Serving)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        process.send_signal(number)
    await asyncio.sleep(0.3)
    assert process.returncode is None
    channel.send(Stop())
    assert await asyncio.wait_for(process.wait(), PATIENCE) == 0


async def test_why_it_cannot_serve_is_told(tmp_path: Path) -> None:
    process, channel = await start()
    given = begin(tmp_path)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "audit").write_text("in the way")
    channel.send(given)
    failed = await hear(channel, Failed)
    assert isinstance(failed, Failed)
    assert "cannot hold the audit log" in failed.problems[0]
    assert await asyncio.wait_for(process.wait(), PATIENCE) == 2


async def test_it_ends_where_the_supervisor_does_not_begin_at_the_beginning() -> None:
    process, channel = await start()
    channel.send(Refreshed(1))
    _, printed = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 2
    assert b"Refreshed before the beginning" in printed
