"""Who is behind what was seen, and what gives way where there is no more room."""

from __future__ import annotations

from proxy.drafting.backing import Backed, Backers


def backers(*calls: tuple[str, int], trusted: bool = False) -> Backers:
    found = Backers()
    for caller, time in calls:
        found.add(caller, time, trusted=trusted)
    return found


def test_two_callers_or_two_times_of_one_count() -> None:
    assert not backers(("a", 1), ("a", 1)).counts
    twice = backers(("a", 1), ("a", 2))
    assert (twice.counts, twice.several) == (True, False)
    assert backers(("a", 1), ("b", 1)).several
    assert backers(("a", 1), trusted=True).several


def test_a_caller_who_is_always_there_leaves_room_for_others() -> None:
    found = backers(*(("panel", time) for time in range(100)), ("phone", 1))
    assert found.several
    assert [*backers(*((f"c{n}", 1) for n in range(50))).times] == [f"c{n}" for n in range(16)]


def test_what_was_merged_is_as_if_it_had_been_one() -> None:
    one, other = backers(("a", 1)), backers(("b", 1), trusted=True)
    one.merge(other)
    assert one == backers(("a", 1), ("b", 1), trusted=True)


def test_names_of_one_caller_give_way_to_his_next_one() -> None:
    table: Backed[str] = Backed(4)
    for caller in ("panel", "phone"):
        table.add("known", caller, 1, trusted=False)
    table.add("rare", "panel", 1, trusted=False)
    for number in range(100):
        table.add(f"random{number}", "stranger", number, trusted=False)
    assert [*table] == ["known", "random98", "random99", "rare"]
    assert (table.counting, table.seldom) == (["known"], ["random98", "random99", "rare"])
    for caller in ("x", "y"):
        for name in ("a", "b", "c", "d", "e"):
            table.add(name, caller, 1, trusted=False)
    assert "known" in table
