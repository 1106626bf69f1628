"""The process around a worker: its end of the channel, its clock, and how it ends."""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import Callable

import structlog

from proxy import logs
from proxy.clocks import EventClock, MonotonicEventClock
from proxy.collector import spare_the_collector
from proxy.event_loop import new_event_loop
from proxy.processes.channel import Channel, ChannelClosed, ChannelFull, Ends
from proxy.processes.messages import Begin, Failed, ToSupervisor, ToWorker
from proxy.processes.parent import end_with_parent
from proxy.worker.worker import CannotServe, Worker

ClockFactory = Callable[[int, float], EventClock]
"""Makes the event clock from event time (ms since the epoch) at a reading of the monotonic clock (s)."""

_FAILED = 2

log = structlog.get_logger("alleyes")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the supervisor tells a worker on its command line; the rest comes over the channel."""
    parser.add_argument("--channel", type=int, nargs=2, required=True, help="descriptors to read from and to write to")
    parser.add_argument("--parent", type=int, required=True, help="process id of the supervisor")


def main() -> None:
    """Be a worker of the shipped gateway."""
    parser = argparse.ArgumentParser(prog="proxy.worker", description=main.__doc__)
    add_arguments(parser)
    run(parser.parse_args())


def run(arguments: argparse.Namespace, clock: ClockFactory = MonotonicEventClock.since) -> None:
    """Be a worker until the supervisor says otherwise, or ends."""
    end_with_parent(arguments.parent)
    # What is sent to all processes of the gateway, from a terminal or by systemd, is the supervisor's to act upon.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    logs.configure()
    # Its event loop takes a quarter less CPU time for a call than that of the standard library.
    raise SystemExit(asyncio.run(_work(Ends(*arguments.channel), clock), loop_factory=new_event_loop))


async def _work(ends: Ends, clock: ClockFactory) -> int:
    channel: Channel[ToSupervisor, ToWorker] = await Channel.over(ends, ToWorker)
    try:
        begin = await _beginning(channel)
        worker = Worker(begin, channel, clock(begin.start, begin.origin))
        spare_the_collector()
        await worker.run()
    except CannotServe as refused:
        for problem in refused.problems:
            log.error("a worker cannot serve", reason=problem)
        channel.send(Failed(refused.problems))
        await channel.sent()
        return _FAILED
    except (ChannelClosed, ChannelFull) as problem:
        log.error("a worker ends", reason=str(problem))
        return _FAILED
    await channel.sent()
    channel.close()
    return 0


async def _beginning(channel: Channel[ToSupervisor, ToWorker]) -> Begin:
    begin = await channel.receive()
    if not isinstance(begin, Begin):
        raise ChannelClosed(f"{type(begin).__name__} before the beginning")
    return begin
