"""Of each topic the newest state is kept, with a stamp that only grows, however long nobody takes it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.federation.client.database import Disk
from proxy.federation.client.outbox import AGAIN, Outbox, Outgoing, begin, digest
from proxy.federation.topics import MODEL, SHOWINGS

NOW = 1_700_000_000.0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    found = Disk(tmp_path, lambda database: begin(database, NOW))
    yield found
    found._close()


def put(disk: Disk, topic: str, text: str) -> bool:
    def render(epoch: int, sequence: int) -> bytes:
        return f"{epoch}:{sequence}:{text}".encode()

    return disk.do(lambda database: Outbox(database).put(topic, digest(text.encode()), render))


def waiting(disk: Disk, topics: str = MODEL, *, now: float = NOW, after: int = 0, most: int = 100) -> list[Outgoing]:
    return disk.do(lambda database: Outbox(database).waiting(now, topics, after, most))


def test_an_epoch_begins_when_the_file_is_made(disk: Disk) -> None:
    assert disk.do(lambda database: Outbox(database).epoch) == int(NOW * 1000)
    assert disk.do(lambda database: Outbox(database).epochs) == 1


def test_a_week_without_anybody_to_take_it_leaves_the_newest_state_of_each_topic(disk: Disk) -> None:
    for minute in range(1000):
        put(disk, MODEL + "/lamp", f"lamp {minute}")
        put(disk, MODEL + "/door", f"door {minute // 500}")
    found = {each.topic: each for each in waiting(disk)}
    assert {name: each.body.decode().rpartition(":")[2] for name, each in found.items()} == {
        "model:/lamp": "lamp 999",
        "model:/door": "door 1",
    }
    epoch = int(NOW * 1000)
    assert found["model:/lamp"][1:3] == (epoch, 1002), "each state has a stamp of its own"
    assert disk.do(lambda database: Outbox(database).unsent()) == 2


def test_what_has_not_changed_is_not_told_again_before_the_service_may_have_lost_it(disk: Disk) -> None:
    assert put(disk, MODEL + "/lamp", "on")
    assert not put(disk, MODEL + "/lamp", "on")
    (state,) = waiting(disk)
    disk.do(lambda database: Outbox(database).taken(state, NOW))
    assert waiting(disk) == []
    assert waiting(disk, now=NOW + AGAIN - 1) == []
    assert waiting(disk, now=NOW + AGAIN + 1) == [state], "the same stamp"
    assert waiting(disk, now=NOW - AGAIN - 1) == [state], "the clock was wrong"


def test_what_was_replaced_while_it_was_sent_goes_on_waiting(disk: Disk) -> None:
    put(disk, MODEL + "/lamp", "on")
    (sent,) = waiting(disk)
    put(disk, MODEL + "/lamp", "off")
    disk.do(lambda database: Outbox(database).taken(sent, NOW))
    (state,) = waiting(disk)
    assert state.body.endswith(b":off")


def test_states_are_read_in_parts_in_the_order_of_their_stamps(disk: Disk) -> None:
    for number in range(5):
        put(disk, f"{MODEL}/type{number}", "x")
    put(disk, SHOWINGS, "shown")
    first = waiting(disk, most=3)
    rest = waiting(disk, after=first[-1].sequence, most=3)
    assert [each.topic for each in first + rest] == [f"model:/type{number}" for number in range(5)]
    assert [each.topic for each in waiting(disk, SHOWINGS)] == [SHOWINGS]


def test_models_that_there_are_no_more_are_forgotten_but_not_candidates(disk: Disk) -> None:
    put(disk, MODEL + "/lamp", "on")
    put(disk, MODEL + "/door", "open")
    put(disk, SHOWINGS, "shown")
    disk.do(lambda database: Outbox(database).keep_only({MODEL + "/door"}))
    assert [each.topic for each in waiting(disk, "")] == [MODEL + "/door", SHOWINGS]


@pytest.mark.parametrize(
    ("held", "expected"),
    [(5, int(NOW * 1000) + 60_000), (int(NOW * 1000) + 10**9, int(NOW * 1000) + 10**9 + 1)],
    ids=["by the clock", "after what the service holds"],
)
def test_a_new_epoch_is_after_all_before_it_and_tells_everything(disk: Disk, held: int, expected: int) -> None:
    put(disk, MODEL + "/lamp", "on")
    (sent,) = waiting(disk)
    disk.do(lambda database: Outbox(database).taken(sent, NOW))
    assert disk.do(lambda database: Outbox(database).begin_epoch(held, NOW + 60)) == expected
    assert put(disk, MODEL + "/lamp", "on"), "though it has not changed"
    (state,) = waiting(disk)
    assert (state.epoch, state.sequence) == (expected, 1)
    assert disk.do(lambda database: Outbox(database).epochs) == 2


def test_an_epoch_is_new_even_where_the_clock_went_back(disk: Disk) -> None:
    assert disk.do(lambda database: Outbox(database).begin_epoch(0, 0.0)) == int(NOW * 1000) + 1


def test_a_state_that_cannot_be_rendered_leaves_the_one_before(disk: Disk) -> None:
    put(disk, MODEL + "/lamp", "on")

    def fail(epoch: int, sequence: int) -> bytes:
        raise ValueError("too large")

    def attempt(database: sqlite3.Connection) -> None:
        with pytest.raises(ValueError, match="too large"):
            Outbox(database).put(MODEL + "/lamp", b"another", fail)

    disk.do(attempt)
    (state,) = waiting(disk)
    assert state.body.endswith(b":on")
