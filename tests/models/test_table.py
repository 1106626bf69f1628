from __future__ import annotations

import msgspec

from models.access import Operation
from models.analyzer import Analyzer
from models.table import table, tabulate
from tests.models.accesses import MINUTE, START, access, teach


def test_table_shows_what_a_type_does() -> None:
    analyzer = Analyzer()
    for index in range(90):
        time = START + index * 20_000
        teach(analyzer, access(time, rooms=("hall", "hall")))
        if index % 3 == 0:
            own = access(
                time + 1, destination="/agent1/light1", destination_type="/light", operation=Operation.SET,
                data_type="/basic/number",
            )  # fmt: skip
            teach(analyzer, own)
    analyzer.advance(START + 30 * MINUTE)
    assert table(analyzer.models()["/light"], START // MINUTE + 30).splitlines() == [
        "/light: 30 instance-minutes",
        "",
        "  Partner type     /light (itself) (≥ 1.00)  /movement (1.00)",
        "  # partner type                             1.0 ± 0.0 (1.00)",
        "  Same location                              yes (1.00)",
        '  Periods "set"    [60 s]',
        '  Periods "get"                              [20 s]',
        "  Operation types  set (1.00)                get (1.00)",
        "  Data types       /basic/number (1.00)      /derived/boolean (1.00)",
    ]


def test_table_of_an_empty_model() -> None:
    analyzer = Analyzer()
    analyzer.register("/agent1/lock1", "/lock", START)
    analyzer.advance(START + MINUTE)
    assert table(analyzer.models()["/lock"], START // MINUTE) == "/lock: 1 instance-minutes"


def test_unknown_types_are_named_as_such() -> None:
    analyzer = Analyzer()
    teach(analyzer, access(START, destination_type=None, data_type=None, rooms=("hall", "attic")))
    analyzer.advance(START + MINUTE)
    shown = table(analyzer.models()["/light"], START // MINUTE)
    assert "  Partner type     (unknown type) (1.00)" in shown
    assert "  Same location    no (1.00)" in shown
    assert "  Data types       (unknown type) (1.00)" in shown


def test_table_shows_what_is_written_and_what_comes_before() -> None:
    analyzer = Analyzer()
    own = access(
        START, destination="/agent1/light1", destination_type="/light", operation=Operation.SET, data_type="/level"
    )
    for index in range(600):
        time = START + index * 20_000
        value = "off" if index % 10 == 0 else str(5 + index % 3)
        teach(analyzer, access(time), msgspec.structs.replace(own, time=time + 300, value=value))
    analyzer.advance(START + 300 * MINUTE)
    lines = table(analyzer.models()["/light"], START // MINUTE + 300).splitlines()
    assert '  Values "set"     5 to 7.5; 1 other' in lines
    assert '  Follows "set"    get /derived/boolean, within 4 s' in lines


def test_the_same_as_numbers() -> None:
    analyzer = Analyzer()
    teach(analyzer, *(access(START + index * 20_000, rooms=("hall", "hall")) for index in range(90)))
    analyzer.advance(START + 30 * MINUTE)
    found = tabulate(analyzer.models()["/light"], START // MINUTE + 30)
    assert (found.service_type, found.weight) == ("/light", 30)
    (column,) = found.columns
    assert (column.partner, column.own, column.probability, column.at_least) == ("/movement", False, 1.0, False)
    assert [(each.mean, each.deviation, each.probability) for each in column.counts] == [(1.0, 0.0, 1.0)]
    assert (column.same_location, column.operations, column.data_types) == (
        1.0,
        {"get": 1.0},
        {"/derived/boolean": 1.0},
    )
    (row,) = column.rows
    assert (row.operation, row.weight, row.accesses) == ("get", 30, 90)
    assert [(each.centre, each.probability) for each in row.periods] == [(20.0, 1.0)]
