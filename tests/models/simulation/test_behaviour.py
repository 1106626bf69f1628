"""Interleaving a service's routines."""

from __future__ import annotations

import pytest

from models.access import Operation
from models.simulation.behaviour import Behaviour
from models.simulation.step import Answer, Beginning, Routine, Step


def every(period: int, node: str) -> Routine:
    time = period
    while True:
        answer = yield Step(time, Operation.GET, node)
        time = answer.time + period


def once(node: str, time: int) -> Routine:
    yield Step(time + 5, Operation.GET, node)


def test_steps_come_one_after_the_other() -> None:
    behaviour = Behaviour(every(100, "/a"))
    assert behaviour.due == 100
    assert behaviour.take() == Step(100, Operation.GET, "/a")
    behaviour.answer(Answer(130))
    assert behaviour.due == 230


def test_a_notification_brings_a_step_forward() -> None:
    behaviour = Behaviour(every(100, "/a"), on_notify=once)
    behaviour.notified("/b", 20)
    assert behaviour.due == 25
    assert behaviour.take().node == "/b"
    behaviour.answer(Answer(30))
    assert behaviour.take() == Step(100, Operation.GET, "/a")


def test_a_service_that_takes_no_notice_has_nothing_more_to_do() -> None:
    behaviour = Behaviour(every(100, "/a"))
    behaviour.notified("/b", 20)
    assert behaviour.due == 100


def test_a_routine_ends() -> None:
    behaviour = Behaviour(once("/a", 0))
    behaviour.take()
    behaviour.answer(Answer(10))
    assert behaviour.due is None
    with pytest.raises(IndexError):
        behaviour.take()


def test_what_begins_after_a_routine_goes_on_side_by_side() -> None:
    def beginning() -> Beginning:
        answer = yield Step(10, Operation.REGISTER, "/a")
        return every(answer.time + 100, "/a"), once("/b", answer.time), every(answer.time + 50, "/c")

    behaviour = Behaviour(beginning())
    nodes = []
    for _ in range(4):
        nodes.append(behaviour.take().node)
        assert behaviour.due is None or nodes != ["/a"]
        behaviour.answer(Answer(20 * len(nodes)))
    assert nodes == ["/a", "/b", "/c", "/a"]


def test_an_answer_needs_a_step() -> None:
    with pytest.raises(RuntimeError, match="without a step"):
        Behaviour(every(100, "/a")).answer(Answer(1))
