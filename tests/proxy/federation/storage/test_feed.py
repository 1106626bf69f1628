from __future__ import annotations

from proxy.federation.storage.base import Cursor
from proxy.federation.storage.feed import Settling, new_writer, positions, reached


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


def test_where_there_may_be_more_the_last_one_counts() -> None:
    assert reached(9, [6, 7], 2) == 7


def test_where_a_commit_is_one_moment_nothing_is_kept_back() -> None:
    assert Settling(0).settled({"a": 5}, 0.0) == {"a": 5}


def test_what_is_newest_is_kept_back_until_it_has_settled() -> None:
    settling = Settling(5.0)
    assert settling.settled({"a": 5}, 0.0) == {"a": 0}
    assert settling.settled({"a": 7}, 4.9) == {"a": 0}
    assert settling.settled({"a": 9, "b": 1}, 5.6) == {"a": 5, "b": 0}
    assert settling.settled({"a": 9, "b": 1}, 9.8) == {"a": 5, "b": 0}
    assert settling.settled({"a": 9, "b": 1}, 10.0) == {"a": 7, "b": 0}
    assert settling.settled({"a": 9, "b": 1}, 10.7) == {"a": 9, "b": 1}


def test_what_was_newer_than_a_restored_database_does_not_count() -> None:
    settling = Settling(1.0)
    settling.settled({"a": 9}, 0.0)
    assert settling.settled({"a": 4}, 1.0) == {"a": 4}


def test_what_is_remembered_stays_small_however_often_it_is_asked() -> None:
    settling = Settling(5.0)
    for n in range(10_000):
        settling.settled({"a": n}, n / 1000)
    assert len(settling._seen) <= 12
    assert 4000 <= settling.settled({"a": 10_000}, 10.0)["a"] <= 5000
