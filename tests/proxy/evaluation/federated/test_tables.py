"""Figures as tables."""

from __future__ import annotations

import pytest

from proxy.evaluation.federated import tables
from proxy.evaluation.report.layout import Grid
from tests.proxy.evaluation.federated import canned


def row(grid: Grid, head: str) -> dict[str, str]:
    (found,) = [each for each in grid.rows if each[0] == head]
    return dict(zip(grid.head[1:], found[1:], strict=True))


@pytest.mark.parametrize(
    ("found", "text"),
    [
        ([2.0, 3.0, 2.5], "2.5 (2.0 to 3.0)"),
        ([1442.4], "1,442"),
        ([10.0, 20.0, None], "20.0 (10.0 to never)"),
        ([10.0, None, None], "never in 2 of 3"),
        ([], "–"),
    ],
)
def test_minutes_of_several_seeds(found: list[float | None], text: str) -> None:
    assert tables.minutes(found) == text


def test_a_new_site_has_a_column_for_each_number_of_others() -> None:
    ready, hour = tables.convergence(canned.convergence())
    assert row(ready, "/light$1") == {"alone": "1,500 (1,442 to never)", "joins 3 others": "2.5 (2.0 to 3.0)"}
    assert row(hour, "of them flagged (false positives)")["alone"] == "5 (0.50 %)"
    assert row(hour, "attacks refused")["joins 3 others"] == "19 of 21"


def test_av_is_told_here_and_elsewhere_and_what_was_not_done_is_a_dash() -> None:
    (grid,) = tables.healing(canned.healing())
    found = row(grid, "2 sites")
    assert found["before"] == "50.0 / 100.0"
    assert found["last 10 min of learning it"] == "0.5 / 1.0"
    assert found["sites taken out"] == "0.5 / 100.0"
    assert found["accepted as an update"] == "no"
    assert row(grid, "isolated")["sites taken out"] == "–"
    assert row(grid, "isolated")["refused afterwards"] == "25.0 %"


def test_what_not_even_all_sites_can_do_is_never() -> None:
    first, second = tables.poisoning(canned.poisoning())
    assert row(first, "as shipped") == {"of 4": "2", "of 10": "never"}
    assert "also the attack, for an hour" in first.caption
    assert "1,000 times as much" in second.caption


@pytest.mark.parametrize(("identical", "told"), [(True, "bit-identical"), (False, "NOT identical")])
def test_whether_faults_left_a_trace_stands_above_the_hashes(identical: bool, told: str) -> None:
    (grid,) = tables.partition(canned.partition(identical=identical))
    assert told in grid.caption
    hashes = {each[1] for each in grid.rows}
    assert len(hashes) == (1 if identical else 2)
    assert row(grid, "seed 1")["messages"] == "1,234"


def test_updates_and_bytes() -> None:
    arrivals, costs = tables.updates(canned.updates())
    found = row(arrivals, "site1")
    assert found["federated: minutes"] == "2.5"
    assert found["isolated: minutes"] == "never"
    bytes_of = row(costs, "site1")
    assert bytes_of["mean"] == "750 B"
    assert bytes_of["all"] == "14.40 MB"
    assert bytes_of["96 bytes per descriptor"] == "2.76 MB"


def test_columns_of_text_are_aligned() -> None:
    caption, *lines = tables.lines(Grid("caption", ["", "one"], [["a", "1"], ["long", "12,345"]]))
    assert caption == "caption"
    assert lines == ["         one", "a          1", "long  12,345"]
