"""The benchmark of the data planes measures what it says: calls that are scored and forwarded, compared in one run."""

from __future__ import annotations

import pytest

from benchmarks.dataplane import learnt
from benchmarks.dataplane.__main__ import Row, ratios, table
from benchmarks.dataplane.counted_gateway import CountingClock
from models.access import Operation
from models.analyzer import Analyzer
from policy.document import PolicyDocument
from policy.engine import Engine
from policy.quarantine import QuarantineRegister
from policy.verdict import Action, Call, Mode, Sender, Strength


def row(name: str, rps: float, *, method: str = "GET", connections: int = 8, tls: bool = False) -> Row:
    return Row(
        name=name,
        workers=1,
        tls=tls,
        method=method,
        connections=connections,
        rps=rps,
        cpu_us=None,
        p50_added_us=12.0,
        p99_added_us=None,
        rss_mb=97.0,
        errors=0,
    )


def test_ratios_compare_rates_under_load_in_plain_http() -> None:
    rows = [row("direct", 1000), row("alleyes", 500), row("mitmdump", 50), row("alleyes", 1, connections=1)]
    rows.append(row("alleyes", 9, tls=True))
    found = ratios(rows)
    assert found["vs_mitmdump_get"] == 10
    assert found["vs_direct_get"] == 0.5
    assert found["vs_modsecurity_get"] is None
    assert found["vs_mitmdump_put"] is None


def test_the_table_shows_a_dash_where_nothing_was_measured() -> None:
    line = table([row("direct", 1000)]).splitlines()[1]
    assert line.split() == ["direct", "GET", "8", "1,000", "-", "12", "-", "97", "0"]


@pytest.mark.parametrize(("node", "operation"), [(learnt.READ, Operation.GET), (learnt.WRITTEN, Operation.SET)])
def test_the_load_is_scored_by_a_full_model_and_forwarded(node: str, operation: Operation) -> None:
    analyzer = Analyzer.load(learnt.models())
    engine = Engine(
        analyzer=analyzer,
        policy=PolicyDocument(mode=Mode.ENFORCE),
        revision="r",
        quarantines=QuarantineRegister(),
    )
    clock = CountingClock(analyzer.newest)
    sender = Sender(address=learnt.LIGHT, service_type="/lightControler", strength=Strength.IP, ip="192.0.2.1")
    forwarded = 0
    for _ in range(2_000):
        time = clock.now()
        call = Call(sender=sender, accesses=(learnt.access(time, node, operation),), time=time)
        verdict = engine.judge(call, now=time / 1000)
        assert verdict.score is not None
        assert verdict.score.som == 1
        engine.conclude(verdict, accepted=True)
        forwarded += verdict.action is Action.FORWARD
    assert forwarded >= 1_980
