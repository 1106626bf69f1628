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


def test_numbers_of_partners_are_a_mean_as_in_the_paper() -> None:
    analyzer = PaperAnalyzer()
    for minute in range(20):  # seven minutes of ten with two lights, three with three; in the last one with nine
        for partner in range(9 if minute == 19 else 2 + (minute % 10 < 3)):
            teach(analyzer, access(START + MINUTE * minute + partner, destination=f"/agent{partner}/movement"))
    analyzer.advance(START + 20 * MINUTE)
    lines = table(analyzer.models()["/light"], START // MINUTE + 20).splitlines()
    # 13 times 2 and 6 times 3: mean 44 / 19 = 2.3, in 19 of 20 minutes.
    place = next(index for index, line in enumerate(lines) if "# partner type" in line)
    assert lines[place].split(maxsplit=3)[3] == "2.3 ± 0.5 (0.95)"
    assert lines[place + 1].strip() == "9.0 ± 0.3 (0.05)"


def test_a_model_of_nothing_but_idle_minutes() -> None:
    analyzer = PaperAnalyzer()
    analyzer.register("/agent1/light1", "/light", START)
    analyzer.advance(START + 2 * MINUTE)
    assert table(analyzer.models()["/light"], 0) == "/light: 2 instance-minutes"
