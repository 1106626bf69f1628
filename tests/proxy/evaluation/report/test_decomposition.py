"""The flows of one service."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.evaluation.report.decomposition import Decomposition, decompose
from proxy.evaluation.trace import Trace
from tests.proxy.evaluation.traces import HEADER, line, write

LAMP = {
    "destinationServiceAddress": "/agent1/lamp1",
    "destinationServiceType": "/lamp",
    "accessedNodeAddress": "/agent1/lamp1/on",
}
SCANNER = {"sourceAddress": "/agent2/washer1", "sourceType": "/washer"}


def taken_apart(tmp_path: Path, *rows: str, service: str | None = None) -> Decomposition | None:
    return decompose(Trace(write(tmp_path / "t.csv", [HEADER, *rows])), service)


def mixed() -> list[str]:
    """Reads every 20 s, writes to a lamp every minute; another service scans sixty nodes, once each."""
    rows = [(second, line(second)) for second in range(0, 7200, 20)]
    rows += [(second, line(second + 7, "write", **LAMP)) for second in range(0, 7200, 60)]
    rows += [
        (3600 + n, line(3600 + n, label="anomalous(scan)", accessedNodeAddress=f"/agent1/x{n}/y", **SCANNER))
        for n in range(60)
    ]
    return [text for _, text in sorted(rows)]


def test_what_looks_irregular_together_is_periodic_apart(tmp_path: Path) -> None:
    found = taken_apart(tmp_path, *mixed())
    assert found is not None
    assert (found.service, found.service_type) == ("/agent1/lightcontrol1", "/lightControler")
    assert [(each.partner, each.node, each.operation, each.accesses) for each in found.flows] == [
        ("/movementSensor", "movement1/movement", "get", 360),
        ("/lamp", "lamp1/on", "set", 120),
    ]
    assert [[round(period.centre) for period in each.periods] for each in found.flows] == [[20_000], [60_000]]


def test_a_scan_is_no_example_unless_it_is_asked_for(tmp_path: Path) -> None:
    found = taken_apart(tmp_path, *mixed(), service="/agent2/washer1")
    assert found is not None
    assert len(found.flows) == 60
    assert all(not each.periods and len(each.anomalous) == 1 and not len(each.normal) for each in found.flows)


def test_times_are_hours_since_the_first_row(tmp_path: Path) -> None:
    found = taken_apart(tmp_path, line(0), line(1800), line(7200, label="anomalous(spying)"))
    assert found is not None
    assert found.hours == pytest.approx(2)
    (flow,) = found.flows
    assert (flow.normal.tolist(), flow.anomalous.tolist()) == ([0.0, 0.5], [2.0])
    assert flow.gaps.tolist() == [1800.0]


def test_attacks_do_not_count_as_gaps(tmp_path: Path) -> None:
    flood = [line(600 + n / 1000, label="anomalous(DoSattack)") for n in range(500)]
    rows = [line(second) for second in range(0, 600, 20)]
    found = taken_apart(tmp_path, *rows, *flood, *(line(second) for second in range(620, 1200, 20)))
    assert found is not None
    (flow,) = found.flows
    assert len(flow.anomalous) == 500
    assert flow.gaps.min() == 20


def test_irregular_accesses_have_no_period(tmp_path: Path) -> None:
    times = [0.0]
    for n in range(60):
        times.append(times[-1] + 1.17**n / 10 + 1)
    found = taken_apart(tmp_path, *(line(each) for each in times))
    assert found is not None
    assert found.flows[0].periods == ()


def test_a_service_that_is_not_there(tmp_path: Path) -> None:
    assert taken_apart(tmp_path, line(0), service="/agent1/nobody") is None
