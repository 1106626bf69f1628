from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.federation.storage.base import Row
from proxy.federation.storage.layers import layers

rows = st.builds(
    Row, st.sampled_from("abc"), st.sampled_from("xyz"), st.integers(0, 3), st.integers(0, 3), st.just(b"")
)


@given(st.lists(rows, max_size=30))
def test_each_part_has_a_topic_once_and_later_ones_come_later(given_rows: list[Row]) -> None:
    parts = layers(given_rows)
    assert sorted(index for part in parts for index in part) == list(range(len(given_rows)))
    seen: dict[tuple[str, str], list[int]] = {}
    for part in parts:
        keys = [(given_rows[index].origin, given_rows[index].topic) for index in part]
        assert keys == sorted(set(keys))
        for index in part:
            seen.setdefault((given_rows[index].origin, given_rows[index].topic), []).append(index)
    assert all(indices == sorted(indices) for indices in seen.values())


def test_different_topics_are_one_part() -> None:
    assert layers([Row("b", "x", 1, 1, b""), Row("a", "x", 1, 1, b"")]) == [[1, 0]]
