from __future__ import annotations

from models.access import Operation
from models.paper.analyzer import PaperAnalyzer
from models.paper.table import table
from tests.models.accesses import MINUTE, START, access, teach


def test_table_two() -> None:
    analyzer = PaperAnalyzer()
    for beat in range(36):  # twelve minutes, three reads each; one write in the sixth
        teach(analyzer, access(START + 20_000 * beat, rooms=("Kitchen", "Kitchen")))
        if beat == 15:
            teach(analyzer, access(START + 20_000 * beat + 1, rooms=("Kitchen", "Bath"), operation=Operation.SET))
    analyzer.advance(START + 15 * MINUTE)
    (model,) = analyzer.models().values()
    # 12 minutes and 3 idle ones. Categories shown: 12 times same room, once another; 12 reads, 1 write.
    assert table(model, START // MINUTE + 15).splitlines() == [
        "/light: 15 instance-minutes",
        "",
        "  Partner type     /movement (0.80)",
        "  # partner type   1.0 ± 0.3 (1.00)",
        "  Same location    yes (0.92)",
        '  Periods "get"    [20 s]',
        '  Periods "set"    []',
        "  Operation types  get (0.92)",
        "                   set (0.08)",
        "  Data types       /derived/boolean (1.00)",
    ]


def test_a_model_of_nothing_but_idle_minutes() -> None:
    analyzer = PaperAnalyzer()
    analyzer.register("/agent1/light1", "/light", START)
    analyzer.advance(START + 2 * MINUTE)
    assert table(analyzer.models()["/light"], 0) == "/light: 2 instance-minutes"
