"""A transaction of which a write was refused is not committed, by no detour, and nobody's table grows without end."""

from __future__ import annotations

import pytest

from models.access import Access, Operation
from proxy import transactions as module
from proxy.transactions import LIFE_SECONDS, Transactions

LIGHT = "/agent1/light1"
ROOM = "/agent1/room1"


def access(operation: Operation, node: str) -> tuple[Access, ...]:
    return (
        Access(
            time=0,
            source=LIGHT,
            source_type="/lightControler",
            destination=ROOM,
            destination_type="/room",
            node=node,
            operation=operation,
        ),
    )


class Bench:
    def __init__(self) -> None:
        self.now = 100.0
        self.table = Transactions(lambda: self.now)

    def forward(self, operation: Operation, node: str, sender: str = LIGHT, *, accepted: bool = True) -> None:
        answered = self.table.forwarded(sender, access(operation, node))
        if answered is not None:
            answered(accepted)

    def refuse(self, operation: Operation, node: str, sender: str = LIGHT) -> str | None:
        return self.table.refused(sender, access(operation, node), "v1", reads=operation is Operation.GET)

    def may(self, operation: Operation, node: str, sender: str = LIGHT) -> bool:
        return self.table.objection(sender, access(operation, node)) is None


def spoilt(node: str = f"{ROOM}/lamp") -> Bench:
    """A transaction on ROOM with one refused write."""
    bench = Bench()
    bench.forward(Operation.LOCK, ROOM)
    assert bench.refuse(Operation.SET, node) is None
    return bench


def test_a_commit_after_a_refused_write_is_refused_and_rolled_back_once() -> None:
    bench = spoilt()
    objection = bench.table.objection(LIGHT, access(Operation.COMMIT, ROOM))
    assert objection is not None
    assert (objection.code, objection.every_mode) == ("transaction-refused", True)
    assert ROOM in objection.detail
    assert "v1" in objection.detail
    assert bench.refuse(Operation.COMMIT, ROOM) == ROOM
    assert bench.refuse(Operation.COMMIT, ROOM) is None
    assert len(bench.table) == 0


@pytest.mark.parametrize(
    ("operation", "node"),
    [(Operation.GET, f"{ROOM}/lamp"), (Operation.SUBSCRIBE, ROOM), (Operation.SET, "/agent1/room10")],
)
def test_what_writes_nothing_inside_spoils_nothing(operation: Operation, node: str) -> None:
    bench = Bench()
    bench.forward(Operation.LOCK, ROOM)
    bench.refuse(operation, node)
    assert bench.may(Operation.COMMIT, ROOM)


def test_a_refused_call_of_which_nobody_knows_what_it_writes_spoils_all_that_is_open() -> None:
    bench = Bench()
    bench.forward(Operation.LOCK, ROOM)
    bench.table.refused(LIGHT, (), "v1", reads=True)
    assert bench.may(Operation.COMMIT, ROOM)
    bench.table.refused(LIGHT, (), "v2", reads=False)
    assert not bench.may(Operation.COMMIT, ROOM)


@pytest.mark.parametrize("node", ["/agent1", f"{ROOM}/lamp"])
def test_a_lock_above_or_below_would_commit_it_as_well(node: str) -> None:
    bench = spoilt()
    assert not bench.may(Operation.LOCK, node)
    assert bench.refuse(Operation.LOCK, node) == ROOM
    assert bench.may(Operation.LOCK, node)


def test_a_rollback_of_the_service_s_own_ends_it() -> None:
    bench = spoilt()
    assert bench.may(Operation.ROLLBACK, ROOM)
    bench.forward(Operation.ROLLBACK, ROOM)
    assert bench.may(Operation.COMMIT, ROOM)
    assert len(bench.table) == 0


def test_others_and_the_next_transaction_are_not_concerned() -> None:
    bench = spoilt()
    assert bench.may(Operation.COMMIT, ROOM, "/agent1/light2")
    bench.refuse(Operation.COMMIT, ROOM)
    bench.forward(Operation.LOCK, ROOM)
    assert bench.may(Operation.COMMIT, ROOM)


def test_a_second_lock_that_the_access_point_refuses_changes_nothing() -> None:
    bench = spoilt()
    bench.forward(Operation.LOCK, ROOM, accepted=False)
    assert not bench.may(Operation.COMMIT, ROOM)


def test_a_write_that_is_refused_before_the_lock_was_answered_counts() -> None:
    bench = Bench()
    answered = bench.table.forwarded(LIGHT, access(Operation.LOCK, ROOM))
    assert answered is not None
    bench.refuse(Operation.SET, f"{ROOM}/lamp")
    answered(True)
    assert not bench.may(Operation.COMMIT, ROOM)


def test_a_lock_that_was_not_given_is_no_transaction() -> None:
    bench = Bench()
    bench.forward(Operation.LOCK, ROOM, accepted=False)
    assert len(bench.table) == 0
    assert bench.refuse(Operation.COMMIT, ROOM) is None


def test_a_refused_commit_rolls_back_also_where_every_write_passed() -> None:
    bench = Bench()
    bench.forward(Operation.LOCK, ROOM)
    assert bench.refuse(Operation.COMMIT, ROOM) == ROOM


def test_a_lock_ends_by_itself() -> None:
    bench = spoilt()
    bench.now += LIFE_SECONDS + 1
    assert bench.may(Operation.COMMIT, ROOM)
    assert bench.refuse(Operation.COMMIT, ROOM) is None


def test_a_lock_above_own_ones_has_committed_those() -> None:
    bench = Bench()
    bench.forward(Operation.LOCK, f"{ROOM}/lamp")
    bench.forward(Operation.LOCK, ROOM)
    assert len(bench.table) == 1


def test_a_transaction_with_a_refused_write_is_not_pushed_out_by_others_of_its_sender() -> None:
    bench = spoilt()
    for number in range(3 * module.MOST_OF_ONE):
        assert bench.may(Operation.LOCK, f"/agent1/other{number}")
        bench.forward(Operation.LOCK, f"/agent1/other{number}")
    assert not bench.may(Operation.COMMIT, ROOM)
    assert len(bench.table) == module.MOST_OF_ONE


def test_no_lock_passes_that_could_only_be_followed_by_forgetting_a_refused_write() -> None:
    bench = Bench()
    for number in range(module.MOST_OF_ONE):
        bench.forward(Operation.LOCK, f"/agent1/room{number}")
    bench.table.refused(LIGHT, (), "v1", reads=False)
    objection = bench.table.objection(LIGHT, access(Operation.LOCK, "/agent1/other"))
    assert objection is not None
    assert (objection.code, objection.every_mode) == ("transactions-full", True)
    assert bench.refuse(Operation.LOCK, "/agent1/other") is None
    assert not any(bench.may(Operation.COMMIT, f"/agent1/room{number}") for number in range(module.MOST_OF_ONE))
    bench.forward(Operation.ROLLBACK, ROOM)
    assert bench.may(Operation.LOCK, "/agent1/other")
    bench.now += LIFE_SECONDS + 1
    bench.forward(Operation.LOCK, ROOM)
    assert bench.may(Operation.LOCK, "/agent1/other")


def test_others_do_not_push_out_a_transaction_with_a_refused_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SENDERS", 3)
    bench = spoilt()
    for number in range(9):
        assert bench.may(Operation.LOCK, ROOM, f"/agent1/other{number}")
        bench.forward(Operation.LOCK, ROOM, f"/agent1/other{number}")
    assert not bench.may(Operation.COMMIT, ROOM)
    for number in (7, 8):
        bench.refuse(Operation.SET, ROOM, f"/agent1/other{number}")
    assert not bench.may(Operation.LOCK, ROOM, "/agent1/last")
    assert bench.may(Operation.LOCK, "/agent1/elsewhere"), "who is in the table has room of its own"
    bench.now += LIFE_SECONDS + 1
    assert bench.may(Operation.LOCK, ROOM, "/agent1/last")


def test_the_table_is_bounded_and_the_oldest_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SENDERS", 3)
    bench = Bench()
    for number in range(40):
        bench.forward(Operation.LOCK, f"/agent1/room{number}")
    assert len(bench.table) == module.MOST_OF_ONE
    for number in range(3):
        bench.forward(Operation.LOCK, ROOM, f"/agent1/other{number}")
    assert len(bench.table) == 3
    assert bench.table.evictions == 40
