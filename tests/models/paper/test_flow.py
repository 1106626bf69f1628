from __future__ import annotations

from itertools import count, islice

from models.paper.flow import REFRESH, WAITING, Flow
from models.paper.mining import WINDOW
from models.paper.normal_form import Norm
from models.paper.relationship import Relationship


def beating(period: int, accesses: int, flow: Flow | None = None, start: int = 0) -> Flow:
    flow = flow or Flow()
    for time in islice(count(start, period), accesses):
        flow.hit(time)
    return flow


def test_the_first_access_and_a_step_back_have_no_gap() -> None:
    flow = Flow()
    assert [flow.hit(time) for time in (1000, 1500, 1400, 1900)] == [None, 500, None, 500]


def test_a_period_is_found_once_there_are_enough_new_gaps() -> None:
    assert beating(1000, REFRESH).clusters == ()
    assert [each.mean for each in beating(1000, REFRESH + 1).clusters] == [1000]


def test_old_gaps_leave_the_window() -> None:
    flow = beating(1000, WINDOW + 1)
    beating(50, WINDOW + 1, flow, start=WINDOW * 1000 + 50)
    assert [(each.mean, each.n) for each in flow.clusters] == [(50, WINDOW)]


def test_what_an_access_teaches_is_what_was_known_when_it_came() -> None:
    flow = beating(1000, REFRESH + 1)
    time = REFRESH * 1000
    known = flow.clusters
    for late in range(1, WAITING):
        flow.hit(time + late)
    assert flow.taught(time) is known
    assert flow.taught(time) is None  # once


def test_an_access_that_waits_too_long_teaches_no_periods() -> None:
    flow = beating(1000, REFRESH + 1 + WAITING)
    assert flow.taught(REFRESH * 1000) is None


def test_what_was_stored_goes_on() -> None:
    flow = beating(1000, 25)
    state = flow.state("/agent1/movement1", "get")
    again = Flow(state)
    assert [(each.mean, each.n) for each in again.clusters] == [(1000, 24)]
    assert again.hit(24_700) == flow.hit(24_700) == 700
    assert again.state("/agent1/movement1", "get") == flow.state("/agent1/movement1", "get")


def test_no_group_anomaly_without_periods() -> None:
    norm = Norm(Relationship(), model_weight=100, most=100, now=0)
    assert beating(1000, 100).group(norm, "get") == 0
