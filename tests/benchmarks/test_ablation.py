"""Every gap, with everything and without what was built for it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from benchmarks import ablation
from benchmarks.ablation import (
    GAPS,
    HEADER,
    PERIODICITY,
    Gap,
    compared,
    idle,
    judge_all,
    line,
    main,
    measure,
    offered,
    skipped,
)
from benchmarks.omission import OMISSIONS, TERMS
from benchmarks.scenarios import load
from models.anomaly import PERIOD, RATE, VALUE
from models.evaluation import NORMAL, Figures, Outcomes, figures
from models.normal_form import RELATIONSHIP
from proxy.evaluation.shipped import Federation
from proxy.evaluation.sites import SiteMap

SMALL = {"short": {"sites": 2, "hours": 1, "attacks": ["scan", "DoSattack"]}, "calm": {"sites": 1, "hours": 0.1}}
PUBLISHED = msgspec.structs.replace(load(), scenarios=SMALL)
SHORT = Gap("floods", "short", (RATE, "astrology", RELATIONSHIP))
HEAD = "sourceID,sourceAddress,sourceType,sourceLocation,destinationServiceAddress,destinationServiceType,"
TAIL = "destinationLocation,accessedNodeAddress,accessedNodeType,operation,value,timestamp,normality"


def found(*rows: tuple[str, bool]) -> Figures:
    """Figures of rows of (label, refused), an hour apart."""
    outcomes = Outcomes()
    for turn, (label, refused) in enumerate(rows):
        outcomes.add(time=turn * 3_600_000, label=label, source="/agent1/lock1", av=float(refused), refused=refused)
    return figures(outcomes)


def test_every_scenario_and_every_term_is_ablated_at_least_once() -> None:
    assert {gap.scenario for gap in GAPS} - {PERIODICITY} == set(load().scenarios)
    assert {*OMISSIONS} <= {name for gap in GAPS for name in gap.mechanisms}
    assert len({(gap.scenario, gap.federation) for gap in GAPS}) == len(GAPS)


def test_a_term_that_there_is_not_is_left_out_of_the_table_and_named() -> None:
    assert offered(SHORT) == (RATE, RELATIONSHIP)
    assert skipped([SHORT], None) == {"astrology": "no term of this name in models.anomaly"}
    assert list(skipped(GAPS, None)) == [PERIODICITY, *({"registration"} - set(TERMS))]


def test_seeds_are_pooled_and_the_differences_are_rows() -> None:
    gap = Gap("values", "short", (VALUE, "sites"))
    one = [
        found(("heat", True), ("scan", True), (NORMAL, False)),
        found(("heat", False), ("scan", True), (NORMAL, False)),
        found(("heat", True), ("scan", True), (NORMAL, True)),
    ]
    other = [
        found(("heat", True), (NORMAL, True)),
        found(("heat", False), (NORMAL, False)),
        found(("heat", True), (NORMAL, True)),
    ]
    value, sites = compared(gap, [one, other])
    assert (value.mechanism, value.anomalous, value.normal, value.episodes) == (VALUE, 3, 2, 3)
    assert (value.everything.detected, value.everything.detection_rate, value.everything.noticed) == (3, 1.0, 3)
    assert (value.without.detected, value.without.detection_rate, value.without.noticed) == (1, 1 / 3, 1)
    assert (value.detects, value.spares) == (2, -1)
    assert value.most_affected == "heat 100% to 0%"
    assert (sites.detects, sites.spares, sites.most_affected) == (0, 1, None)
    assert idle([value, sites]) == []
    # Refusing a normal row is no merit; doing so in one circumstance is made good by a merit in another.
    blamed = msgspec.structs.replace(value, without=value.everything, everything=value.without)
    assert (blamed.detects, blamed.spares) == (-2, 1)
    useless = msgspec.structs.replace(value, without=value.everything)
    assert idle([useless]) == [VALUE]
    assert idle([useless, value, msgspec.structs.replace(useless, mechanism="sites")]) == ["sites"]


def test_a_row_of_the_table_stands_below_its_header() -> None:
    (row,) = compared(
        Gap("values", "short", (VALUE,)),
        [[found(("heat", True), (NORMAL, True)), found(("heat", False), (NORMAL, False))]],
    )
    names, values = HEADER, line(row)
    expected = {"scenario": "short", "left out": "value"}
    for name, value in expected.items():
        assert values[names.index(name) :].startswith(value)
    for name, value in {"anomalous": "1", "detects": "+1", "episodes": "1", "false pos.": "1", "spares": "-1"}.items():
        end = names.index(f" {name} ") + len(name) + 1
        assert values[:end].endswith(f" {value}"), (name, values)
    assert values.endswith("  -")


def test_a_flood_is_found_by_its_rate() -> None:
    (rate, relationship) = measure(PUBLISHED, [SHORT], [11], None)
    assert (rate.mechanism, relationship.mechanism) == (RATE, RELATIONSHIP)
    assert rate.detects > 1000
    assert rate.most_affected is not None
    assert rate.most_affected.startswith("DoSattack ")
    assert relationship.detects > 0
    assert rate.everything == relationship.everything
    simulation = PUBLISHED.simulation("short", 11)
    runs = judge_all(list(simulation.rows()), SiteMap.parse(simulation.sites), SHORT)
    assert list(compared(SHORT, [runs])) == [rate, relationship]


def test_isolated_sites_are_judged_as_such() -> None:
    rows = list(PUBLISHED.simulation("short", 11).rows())
    sites = SiteMap.parse(PUBLISHED.simulation("short", 11).sites)
    gap = Gap("isolated", "short", ("agreement",), Federation.ISOLATED)
    alone, *_ = judge_all(rows, sites, gap)
    together, *_ = judge_all(rows, sites, gap._replace(federation=Federation.LIVE))
    assert alone != together


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    gaps = (SHORT._replace(mechanisms=(RATE,)), Gap("timers", PERIODICITY, (PERIOD,)))
    monkeypatch.setattr(ablation, "load", lambda: PUBLISHED)
    monkeypatch.setattr(ablation, "GAPS", gaps)


@pytest.fixture
def timers(tmp_path: Path) -> Path:
    """A read every 20 s, and one between two."""
    turns = [(1_519_801_200_000 + turn * 20_000, "normal") for turn in range(600)]
    turns.append((turns[-50][0] + 9_000, "anomalous(maliciousPeriod)"))
    rows = [
        f"machine,/agent1/machine,/washing,Shower,/agent2/battery,/battery,Hall,/agent2/battery/charge,"
        f"/basic/number,read,4,{time},{label}\n"
        for time, label in sorted(turns)
    ]
    path = tmp_path / "timers.csv.gz"
    path.write_bytes(gzip.compress(f"{HEAD}{TAIL}\n{''.join(rows)}".encode()))
    return path


@pytest.mark.usefixtures("small")
def test_without_a_trace_of_timers_the_reason_is_told() -> None:
    answer = CliRunner().invoke(main, ["--scenario", PERIODICITY])
    assert answer.exit_code == 0, answer.output
    assert "skipped periodicity: no recorded trace of superposed timers" in answer.output


@pytest.mark.usefixtures("small")
def test_a_recorded_trace_is_judged_once_whatever_the_seeds(timers: Path) -> None:
    answer = CliRunner().invoke(
        main, ["--tuning", "--scenario", PERIODICITY, "--periodicity", str(timers), "-o", "json"]
    )
    assert answer.exit_code == 0, answer.output
    told = json.loads(answer.output)
    assert told["seeds"] == [11, 12, 13]
    (row,) = told["rows"]
    assert (row["anomalous"], row["normal"]) == (1, 600)
    assert (row["everything"]["detected"], row["without"]["detected"]) == (1, 0)
    assert (told["idle"], told["skipped"]) == ([], {})


@pytest.mark.usefixtures("small")
def test_the_table_tells_what_pays() -> None:
    answer = CliRunner().invoke(main, ["--seed", "11", "--scenario", "short"])
    assert answer.exit_code == 0, answer.output
    told, header, row, last = answer.output.splitlines()
    assert "seeds 11 pooled" in told
    assert header == HEADER
    assert row.startswith("floods")
    assert last == "detect nothing and spare nobody here: none"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [(["--scenario", "nowhere"], "there are plain, "), (["--tuning", "--seed", "1"], "leave --seed out")],
)
def test_what_cannot_be_measured_is_said(arguments: list[str], reason: str) -> None:
    answer = CliRunner().invoke(main, arguments)
    assert answer.exit_code == 2
    assert reason in answer.output
