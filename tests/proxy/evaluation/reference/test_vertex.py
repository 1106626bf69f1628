"""Descriptors of one service."""

from __future__ import annotations

from models.access import Operation
from proxy.evaluation.reference.model import Model
from proxy.evaluation.reference.vertex import Vertex
from tests.models.accesses import MINUTE, START, access

HOUR = 60 * MINUTE


def described(vertex: Vertex, now: int) -> Model:
    vertex.describe(now)
    assert vertex.descriptor is not None
    return vertex.descriptor


def test_one_relationship_holds_all_flows_to_a_type() -> None:
    vertex = Vertex("/light")
    vertex.record(access(START, node="/agent1/movement1/movement", rooms=("hall", "hall")))
    vertex.record(access(START, node="/agent1/movement1/charge", data_type="/basic/number", rooms=("hall", "hall")))
    vertex.record(access(START, destination="/agent2/movement2", rooms=("hall", "attic")))
    row = described(vertex, START).relationships["/movement"]
    assert row.weight == 1
    assert (row.partners.count, row.partners.centre) == (1, 2)
    assert (row.same_room.count, row.same_room.total) == (3, 2)
    assert row.data_types.counts == [1, 0, 0, 0, 2]
    assert row.operations.counts == [3, 0, 0, 0]


def test_an_idle_service_sends_the_same_again_for_an_hour() -> None:
    vertex = Vertex("/light")
    vertex.record(access(START))
    assert described(vertex, START + HOUR - 1) == described(vertex, START)
    assert described(vertex, START + HOUR).relationships == {}


def test_the_number_of_accesses_does_not_matter() -> None:
    once, often = Vertex("/light"), Vertex("/light")
    once.record(access(START))
    for _ in range(50):
        often.record(access(START))
    assert described(once, START) == described(often, START)


def test_operations_are_cut_to_the_number_of_flows() -> None:
    vertex = Vertex("/light")
    for node, operation in (("/a/m/1", Operation.GET), ("/a/m/1", Operation.SET), ("/a/m/2", Operation.LOCK)):
        vertex.record(access(START, node=node, operation=operation))
    assert described(vertex, START).relationships["/movement"].operations.counts == [1, 1, 0, 0]


def test_a_partner_is_forgotten_with_its_flow() -> None:
    vertex = Vertex("/light")
    vertex.record(access(START))
    vertex.describe(START + HOUR)
    assert vertex.partners == set()
