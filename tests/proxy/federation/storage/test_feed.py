from __future__ import annotations

from proxy.federation.storage.base import Cursor
from proxy.federation.storage.feed import new_writer, positions, reached


def test_no_two_writers_are_called_alike() -> None:
    assert len({new_writer() for _ in range(1000)}) == 1000


def test_reading_begins_at_the_beginning_and_goes_on_where_it_was() -> None:
    assert positions(Cursor({"a": 5}), [("a", 9), ("b", 3)]) == {"a": 5, "b": 0}


def test_a_writer_that_is_gone_is_forgotten() -> None:
    assert positions(Cursor({"a": 5, "gone": 7}), [("a", 5)]) == {"a": 5}


def test_a_restored_database_is_read_again() -> None:
    assert positions(Cursor({"a": 5}), [("a", 4)]) == {"a": 0}


def test_what_was_overwritten_elsewhere_is_not_waited_for() -> None:
    assert reached(9, [], 10) == 9
    assert reached(9, [6, 7], 10) == 9


def test_what_was_written_while_reading_counts_as_read() -> None:
    assert reached(9, [6, 11], 10) == 11


def test_where_there_may_be_more_the_last_one_counts() -> None:
    assert reached(9, [6, 7], 2) == 7
