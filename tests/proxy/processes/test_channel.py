from __future__ import annotations

import asyncio
import os
import struct

import pytest

from proxy.processes import channel as module
from proxy.processes.channel import Channel, ChannelClosed, ChannelFull, pair
from proxy.processes.messages import Follow, InForce, Refreshed, ToSupervisor, ToWorker

type Channels = tuple[Channel[ToWorker, ToSupervisor], Channel[ToSupervisor, ToWorker]]


@pytest.fixture
async def ends() -> Channels:
    one, other = pair()
    return await Channel.over(one, ToSupervisor), await Channel.over(other, ToWorker)


async def test_messages_arrive_whole_and_in_order(ends: Channels) -> None:
    supervisor, worker = ends
    large = Follow(b"x" * 3_000_000)
    for message in (Refreshed(1), large, Refreshed(2)):
        supervisor.send(message)
    worker.send(InForce("abc"))
    assert [await worker.receive() for _ in range(3)] == [Refreshed(1), large, Refreshed(2)]
    assert await supervisor.receive() == InForce("abc")


async def test_what_was_sent_before_the_end_is_still_read(ends: Channels) -> None:
    supervisor, worker = ends
    worker.send(InForce("abc"))
    await worker.sent()
    worker.close()
    assert await supervisor.receive() == InForce("abc")
    with pytest.raises(ChannelClosed, match="has ended"):
        await supervisor.receive()


async def test_what_a_process_said_last_is_read_though_something_was_sent_to_it_meanwhile(ends: Channels) -> None:
    supervisor, worker = ends
    for number in range(50):
        worker.send(InForce(str(number)))
    await worker.sent()
    worker.close()
    await asyncio.sleep(0.01)
    for _ in range(3):
        supervisor.send(Follow(b"x" * 100_000))  # goes nowhere, and hurts nobody
        await asyncio.sleep(0.01)
    assert [await supervisor.receive() for _ in range(50)] == [InForce(str(number)) for number in range(50)]
    with pytest.raises(ChannelClosed):
        await supervisor.receive()


async def test_a_message_that_no_process_would_take_is_not_sent(
    ends: Channels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST", 1000)
    with pytest.raises(ChannelFull, match="a message of"):
        ends[0].send(Follow(b"x" * 1001))


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (struct.pack("!I", 3) + b"\xc1\xc1\xc1", "can not be read"),
        (struct.pack("!I", 0xFFFFFFFF), "a message of"),
        (struct.pack("!I", 100) + b"cut off", "has ended"),
    ],
    ids=["no message", "too long", "cut off"],
)
async def test_what_is_no_message_ends_it(sent: bytes, reason: str) -> None:
    one, other = pair()
    supervisor: Channel[ToWorker, ToSupervisor] = await Channel.over(one, ToSupervisor)
    os.write(other.writing, sent)
    for end in other:
        os.close(end)
    with pytest.raises(ChannelClosed, match=reason):
        await supervisor.receive()


async def test_nobody_waits_for_a_process_that_hangs(ends: Channels, monkeypatch: pytest.MonkeyPatch) -> None:
    supervisor, _ = ends
    monkeypatch.setattr(module, "MOST_WAITING", 4_000_000)
    for _ in range(4):
        supervisor.send(Follow(b"x" * 990_000))
    with pytest.raises(ChannelFull):
        supervisor.send(Follow(b"x" * 1_000_000))
