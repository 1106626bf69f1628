from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.access import Access, Operation
from models.analyzer import Analyzer
from models.relationship import Key
from models.sequence import ALONE, MOST, category, mark_of, required
from tests.models.accesses import MINUTE, START, access, teach

READ = mark_of(Key("/batteryService", False, "get", "/basic/number"))
WRITE = mark_of(Key("/batteryService", False, "set", "/basic/number"))


def test_mark_depends_on_every_part_of_the_key() -> None:
    key = Key("/a", False, "get", "/b")
    others = [
        key._replace(partner="/c"),
        key._replace(own=True),
        key._replace(operation="set"),
        key._replace(data_type="/c"),
    ]
    assert all(mark_of(each) != mark_of(key) for each in others)


@given(st.integers(0, 127), st.integers(0, 127), st.integers(-5, 16_000 - 1))
def test_a_category_stands_for_one_relationship_and_one_span(mark: int, before: int, lag: int) -> None:
    found = category(mark, before, lag)
    assert (found == ALONE) == (mark == before)
    if found != ALONE:
        assert (found - 1) // 3 == before
        assert (found - 1) % 3 == (lag >= 1000) + (lag >= 4000)


def test_what_came_long_before_is_no_sequence() -> None:
    assert category(WRITE, READ, 16_000) == category(WRITE, None, 0) == ALONE


def test_required_by_hand() -> None:
    # 446 of 447 followed the read within a second: (447 + 2) / (1 + 1) / 32, and a slow day may stretch it to 4 s.
    found = required({category(WRITE, READ, 300): 446, ALONE: 1})
    assert found is not None
    assert (found.mark, found.within) == (READ, 4000)
    assert found.novelty == pytest.approx(449 / 64)
    assert required({category(WRITE, READ, 300): 10**6}) == (READ, 4000, MOST)


def test_span_that_one_in_two_hundred_needs_is_the_span() -> None:
    soon, later = category(WRITE, READ, 300), category(WRITE, READ, 2000)
    assert required({soon: 996, later: 4}) == (READ, 4000, MOST)
    assert required({soon: 900, later: 100}) == (READ, 16_000, MOST)


def test_nothing_is_required_where_nothing_is_usual_or_little_known() -> None:
    soon = category(WRITE, READ, 300)
    assert required({}) is required({ALONE: 5000}) is required({soon: 10}) is None
    assert required({soon: 900, ALONE: 100}) is None


def switches(analyzer: Analyzer, start: int) -> int:
    """Let a light controller read its movement sensor every 20 s, and switch its light right after every second time.

    Returns the time after that.
    """
    for index in range(600):
        time = start + index * 20_000
        teach(analyzer, access(time))
        if index % 2:
            teach(analyzer, switch(time + 300))
    return start + 600 * 20_000


def switch(time: int) -> Access:
    return access(
        time, destination="/agent1/light1", destination_type="/light", node="/agent1/light1/on", operation=Operation.SET
    )


def test_who_switches_without_having_looked_is_refused() -> None:
    analyzer = Analyzer()
    now = switches(analyzer, START)
    teach(analyzer, access(now))
    assert analyzer.score(switch(now + 300)).terms["sequence"] == 0
    score = analyzer.score(switch(now + 12_000))
    assert score.terms["sequence"] > 7
    assert score.av > 7


def test_a_new_access_in_between_does_not_hide_what_is_required() -> None:
    analyzer = Analyzer()
    now = switches(analyzer, START)
    update = access(now + 200, destination="/agent1/tempin1", destination_type="/sensor", data_type="/sensor")
    teach(analyzer, access(now), update)
    assert analyzer.score(switch(now + 400)).terms["sequence"] == 0


def test_refused_accesses_in_between_do_not_teach_that_nothing_is_required() -> None:
    analyzer = Analyzer()
    now = switches(analyzer, START)
    analyzer.advance(now)
    for turn in range(600):
        time = now + turn * 20_000
        teach(analyzer, access(time))
        intruding = access(time + 150, destination="/agent1/lock1", destination_type="/lock", operation=Operation.SET)
        score = analyzer.score(intruding)
        assert score.av >= 7
        analyzer.refused(intruding, score, 7)
        teach(analyzer, switch(time + 300))
    assert analyzer.score(switch(now + 600 * 20_000 + 12_000)).terms["sequence"] > 7


def test_a_pause_alone_is_nothing_unusual() -> None:
    analyzer = Analyzer()
    now = switches(analyzer, START)
    assert analyzer.score(access(now + 8 * 60 * MINUTE)).terms["sequence"] == 0


def test_after_a_restart_nobody_knows_what_came_before() -> None:
    analyzer = Analyzer()
    now = switches(analyzer, START)
    restarted = Analyzer.load(analyzer.dump())
    assert restarted.score(switch(now)).terms["sequence"] == 0
    assert restarted.score(switch(now + 12_000)).terms["sequence"] > 7
