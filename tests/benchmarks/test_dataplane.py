"""The benchmark of the data planes measures what it says: calls that are scored and forwarded, compared in one run."""

from __future__ import annotations

import msgspec

from benchmarks.dataplane import learnt
from benchmarks.dataplane.counted_gateway import CountingClock
from benchmarks.dataplane.kernel import KernelFigures
from benchmarks.dataplane.memory import Memory
from benchmarks.dataplane.report import Found, NewConnections, OpenLoop, Row, Spread, ratios, table
from benchmarks.judge import Latency
from models.access import Operation
from models.analyzer import Analyzer
from policy.document import ModeSetting, PolicyDocument
from policy.engine import Engine
from policy.quarantine import QuarantineRegister
from policy.verdict import Action, Call, Sender, Strength


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
    rows.append(msgspec.structs.replace(row("alleyes", 900), workers=2))
    one, two = Spread(workers=1, rps=400, cpu_us=200), Spread(workers=2, rps=700, cpu_us=210)
    found = ratios(rows, [one, two])
    assert found["vs_mitmdump_get"] == 10
    assert found["vs_direct_get"] == 0.5
    assert found["vs_modsecurity_get"] is None
    assert found["vs_mitmdump_put"] is None
    assert found["workers_2_vs_1"] == 1.75
    assert found["workers_2_vs_1_cpu"] == 1.05
    assert ratios(rows, [one])["workers_2_vs_1"] is None
    assert ratios(rows, [one])["workers_2_vs_1_cpu"] is None


def test_the_table_shows_a_dash_where_nothing_was_measured() -> None:
    line = table(Found(rows=[row("direct", 1000)], ratios={})).splitlines()[1]
    assert line.split() == ["direct", "GET", "8", "1,000", "-", "12", "-", "97", "0"]


def test_everything_that_was_measured_is_told() -> None:
    everything = Found(
        rows=[msgspec.structs.replace(row("alleyes", 1000), workers=2)],
        ratios={"vs_mitmdump_get": 8.5},
        workers=[Spread(workers=1, rps=1400, cpu_us=201), Spread(workers=2, rps=2600, cpu_us=207)],
        open_loop=[OpenLoop(name="nginx", rate=200, p50_added_us=90, p99_added_us=110)],
        new_connections=[NewConnections(name="haproxy", rps=5000, cpu_us=41)],
        memory=Memory(
            idle_mb=92.5,
            after_100k_mb=95.5,
            after_200k_mb=None,
            requests=150_000,
            connection_kib=25.5,
            supervisor_mb=60.5,
        ),
        nftables=KernelFigures(
            cut_ms_p50=0.4,
            cut_ms_p99=0.9,
            insert_ms_at_0=0.1,
            insert_ms_at_1k=0.2,
            insert_ms_at_100k=0.3,
            insert_ms_p99_at_0=1,
            insert_ms_p99_at_1k=1,
            insert_ms_p99_at_100k=1,
        ),
        judge_us=Latency(12.5, 99.5),
    )
    told = table(everything)
    for part in (
        "alleyes x2",
        "8.50",
        "1,400",
        "CPU 207 us",
        "200 PUT/s",
        "5,000",
        "95.5 and - MB",
        "0.90 ms (p99)",
        "0.300 ms",
        "99.5 us",
    ):
        assert part in told


def test_the_load_is_scored_by_a_full_model_and_all_of_it_is_forwarded() -> None:
    analyzer = Analyzer.load(learnt.models())
    engine = Engine(
        analyzer=analyzer,
        policy=PolicyDocument(mode=ModeSetting.ENFORCE),
        revision="r",
        quarantines=QuarantineRegister(),
    )
    clock = CountingClock(analyzer.newest + 7_654)
    sender = Sender(address=learnt.LIGHT, service_type="/lightControler", strength=Strength.IP, ip="192.0.2.1")
    read, written = (learnt.READ, Operation.GET), (learnt.WRITTEN, Operation.SET)
    for turn, (node, operation) in enumerate([kind for kind in (read, written, read, written) for _ in range(2_000)]):
        if turn % 300 == 0:
            clock.now()  # as the worker's own looks at the clock
        time = clock.now()
        call = Call(sender=sender, accesses=(learnt.access(time, node, operation),), time=time)
        verdict = engine.judge(call, now=time / 1000)
        assert verdict.score is not None
        assert verdict.score.som == 1
        assert verdict.action is Action.FORWARD, (turn, verdict.score)
        engine.conclude(verdict, accepted=True)
