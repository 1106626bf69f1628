from __future__ import annotations

import pytest

from proxy.audit.retention import Retention, Stored

DAY = 86_400.0
NOW = 1_763_000_000.0
SMALL = Retention(file_bytes=100, file_seconds=DAY, keep_bytes=500, keep_seconds=10 * DAY)


@pytest.mark.parametrize(
    ("size", "age", "full"),
    [(99, 0.0, False), (100, 0.0, True), (1, DAY, True), (1, DAY - 1, False), (1, -DAY, False)],
)
def test_a_file_is_full_by_its_size_or_by_its_age(size: int, age: float, full: bool) -> None:
    assert SMALL.full(size, NOW - age, NOW) is full


def test_an_empty_file_is_never_full() -> None:
    assert not SMALL.full(0, None, NOW)


def files(*sizes_and_days: tuple[int, float]) -> list[Stored]:
    return [Stored(size, NOW - days * DAY) for size, days in sizes_and_days]


@pytest.mark.parametrize(
    ("stored", "surplus"),
    [
        (files(), 0),
        (files((100, 3), (100, 2), (100, 1), (100, 0)), 0),
        (files((100, 4), (100, 3), (100, 2), (100, 1), (100, 0)), 1),
        (files((100, 12), (100, 11), (100, 1)), 2),
        (files((100, 12), (100, 11)), 2),
        (
            files(
                (900, 0),
            ),
            1,
        ),
    ],
)
def test_the_oldest_go_first_by_room_and_by_age(stored: list[Stored], surplus: int) -> None:
    assert SMALL.surplus(stored, NOW) == surplus


def test_all_chains_together_keep_no_more_than_one_would() -> None:
    share = Retention(file_bytes=400, keep_bytes=800).share(4)
    assert (share.file_bytes, share.keep_bytes) == (25, 200)
    assert Retention(file_bytes=10, keep_bytes=800).share(2).file_bytes == 10
