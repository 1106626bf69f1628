"""A behaviour at the wheel of a client."""

from __future__ import annotations

import asyncio

from models.access import Operation
from models.simulation.behaviour import Behaviour
from models.simulation.floorplan import Service
from models.simulation.step import Answer, Routine, Step
from tests.site.calls import Tally
from tests.site.clock import Clock
from tests.site.conftest import Bench
from tests.site.services import LiveService
from tests.waiting import PATIENCE, until

BATTERY = Service("battery1", "agent1", "/batteryService", "Kitchen")
CHARGE = "/agent1/battery1/charge"


class Script:
    """A behaviour that does what it is told and keeps the answers."""

    def __init__(self, *steps: tuple[int, Operation, str, str | None]) -> None:
        self.steps = steps
        self.answers: list[Answer] = []

    def routine(self) -> Routine:
        for step in self.steps:
            self.answers.append((yield Step(*step)))

    def live(self, bench: Bench, clock: Clock) -> LiveService:
        def read_again(node: str, time: int) -> Routine:
            self.answers.append((yield Step(time, Operation.GET, node)))

        return LiveService(BATTERY, Behaviour(self.routine(), read_again), bench.client("battery1"), clock)


async def test_steps_become_calls_at_their_time_and_answers_come_back(bench: Bench) -> None:
    script = Script(
        (0, Operation.REGISTER, "/agent1/battery1", "/batteryService"),
        (2_000, Operation.SET, CHARGE, "6"),
        (4_000, Operation.GET, CHARGE, None),
        (4_000, Operation.GET, "/agent1/battery1/none", None),
    )
    live = script.live(bench, Clock(20, start=0))
    live.start()
    await until(lambda: len(script.answers) == 4)
    await live.stop()
    assert [answer.value for answer in script.answers] == [None, None, "6", None]
    assert script.answers[1].time >= 2_000
    assert 4_000 <= script.answers[2].time < 20_000
    assert live.tally == Tally(calls=4, answered=3, failed=1)


async def test_a_notification_wakes_it(bench: Bench) -> None:
    script = Script(
        (0, Operation.REGISTER, "/agent1/battery1", "/batteryService"),
        (0, Operation.SUBSCRIBE, CHARGE, None),
        (3_600_000, Operation.GET, CHARGE, None),
    )
    live = script.live(bench, Clock(1, start=0))
    live.start()
    await until(lambda: len(script.answers) == 2)
    await bench.client("washingmachine1").set(CHARGE, "2")
    await until(lambda: len(script.answers) == 3)
    await live.stop()
    assert script.answers[2].value == "2"
    assert live.notifications == 1


async def test_locks_and_commits_are_carried_out(bench: Bench) -> None:
    root = "/agent1/battery1"
    script = Script(
        (0, Operation.REGISTER, root, "/batteryService"),
        (0, Operation.LOCK, root, None),
        (0, Operation.SET, CHARGE, "1"),
        (0, Operation.COMMIT, root, None),
        (0, Operation.LOCK, root, None),
        (0, Operation.SET, CHARGE, "9"),
        (0, Operation.ROLLBACK, root, None),
        (0, Operation.NOTIFY, CHARGE, None),
        (0, Operation.UNSUBSCRIBE, CHARGE, None),
        (0, Operation.GET, CHARGE, None),
    )
    live = script.live(bench, Clock(1, start=0))
    live.start()
    await until(lambda: len(script.answers) == 10)
    await live.stop()
    assert live.tally == Tally(calls=10, answered=10)
    assert script.answers[-1].value == "1"


async def test_a_cut_off_service_goes_on_trying(bench: Bench) -> None:
    script = Script(*[(0, Operation.GET, CHARGE, None)] * 3)
    live = script.live(bench, Clock(1, start=0))
    await bench.agents["agent1"].close()
    live.start()
    await until(lambda: len(script.answers) == 3)
    await live.stop()
    assert live.tally == Tally(calls=3, silent=3)
    assert live.tally.denied == 3


async def test_calls_of_a_compromised_service_are_counted_apart(bench: Bench) -> None:
    script = Script(
        (0, Operation.REGISTER, "/agent1/battery1", "/batteryService"), (1_000, Operation.GET, CHARGE, None)
    )
    live = script.live(bench, Clock(20, start=0))
    live.start()
    await until(lambda: len(script.answers) == 1)
    live.compromise()
    await until(lambda: len(script.answers) == 2)
    await live.stop()
    assert (live.tally.calls, live.tally_compromised.calls) == (1, 1)


async def test_stopping_ends_a_call_under_way(bench: Bench) -> None:
    live = Script((3_600_000, Operation.GET, CHARGE, None)).live(bench, Clock(1, start=0))
    live.start()
    await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE):
        await live.stop()
