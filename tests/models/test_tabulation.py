"""Table II as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.tabulation import (
    Column,
    CountEntry,
    FollowsEntry,
    PeriodEntry,
    RowEntry,
    ToldEntry,
    TypeTable,
    ValuesEntry,
    probability,
    render,
    seconds,
    shown,
)


def column(partner: str, *rows: RowEntry, own: bool = False) -> Column:
    return Column(
        partner=partner,
        own=own,
        probability=0.6,
        at_least=own,
        counts=[] if own else [CountEntry(mean=2.3, deviation=0.4, probability=0.6)],
        same_location=0.95,
        rows=list(rows),
        operations={"get": 0.96, "set": 0.04},
        data_types={"text": 1.0},
    )


def row(operation: str = "get", *centres: float, data_type: str = "text") -> RowEntry:
    periods = [PeriodEntry(centre=each, deviation=1.0, probability=0.5) for each in centres]
    return RowEntry(operation=operation, data_type=data_type, weight=6, accesses=18, periods=periods)


def table(*columns: Column) -> TypeTable:
    return TypeTable(service_type="/switch", weight=10, columns=list(columns))


def test_partner_types_stand_beside_each_other_as_in_the_paper() -> None:
    text = render(table(column("/light", row("get", 25, 2037)), column("/radiator", row("set", 1020))), 100)
    assert text.splitlines() == [
        "/switch: 10 instance-minutes",
        "",
        "  Partner type     /light (0.60)     /radiator (0.60)",
        "  # partner type   2.3 ± 0.4 (0.60)  2.3 ± 0.4 (0.60)",
        "  Same location    yes (0.95)        yes (0.95)",
        '  Periods "get"    [25 s; 34 min]',
        '  Periods "set"                      [17 min]',
        "  Operation types  get (0.96)        get (0.96)",
        "                   set (0.04)        set (0.04)",
        "  Data types       text (1.00)       text (1.00)",
    ]


def test_what_does_not_fit_the_width_goes_below() -> None:
    lines = render(table(*(column(f"/partner{number}", row()) for number in range(6))), 60).splitlines()
    assert max(map(len, lines)) <= 60
    assert sum(line.startswith("  Partner type") for line in lines) > 1
    assert all(any(f"/partner{number}" in line for line in lines) for number in range(6))


@given(width=st.integers(60, 200), names=st.lists(st.text(max_size=30), max_size=5))
def test_no_line_is_wider_than_the_terminal(width: int, names: list[str]) -> None:
    lines = render(table(*(column(name, row("get", 20)) for name in names)), width).splitlines()
    assert all(len(line) <= width for line in lines)


def test_several_data_types_are_named() -> None:
    text = render(table(column("/light", row("get", 20), row("get", data_type="number"))))
    assert "text: [20 s]" in text
    assert "number: []" in text


def test_values_and_what_comes_before_are_shown() -> None:
    entry = RowEntry(
        operation="set",
        data_type="text",
        weight=1,
        accesses=1,
        periods=[],
        values=ValuesEntry(low=0.5, high=20.0, others=2),
        follows=FollowsEntry(names=["get text"], within=4.0),
    )
    text = render(table(column("/light", entry)))
    assert "0.5 to 20; 2 others" in text
    assert "get text, within 4 s" in text


def test_names_cannot_move_the_cursor() -> None:
    text = render(table(column("/light\x1b[2J\n" + "x" * 500, row("get\r", 20))), 200)
    assert not any(character in text for character in "\x1b\r")
    assert max(map(len, text.splitlines())) <= 200
    assert shown("a" * 500) == "a" * 57 + "..."


def test_own_nodes_and_unknown_types_are_named_as_such() -> None:
    assert "/light (itself) (≥ 0.60)" in render(table(column("/light", row(), own=True)))
    assert "(unknown type) (0.60)" in render(table(column("", row())))


@pytest.mark.parametrize(
    ("value", "text"), [(0.06, "60 ms"), (0, "0 s"), (20.6, "20.6 s"), (1231, "20.5 min"), (7200, "2 h")]
)
def test_times_are_told_in_the_unit_that_people_use(value: float, text: str) -> None:
    assert seconds(value) == text


def test_what_happens_has_no_probability_of_nothing() -> None:
    assert [probability(each) for each in (0, 0.001, 0.005, 1)] == ["0.00", "<0.01", "0.01", "1.00"]


def test_what_was_learnt_here_and_what_others_told_stand_apart() -> None:
    told = ToldEntry(site=10, elsewhere=500, sites=3)
    table = TypeTable(service_type="/light", weight=540, columns=[], told=told)
    assert render(table) == (
        "/light: 540 instance-minutes (30 learnt here, 10 by other nodes of this site, 500 by 3 other sites)"
    )
    alone = TypeTable(service_type="/light", weight=6, columns=[], told=ToldEntry(site=0, elsewhere=5, sites=1))
    assert render(alone) == "/light: 6 instance-minutes (1 learnt here, 5 by 1 other site)"
