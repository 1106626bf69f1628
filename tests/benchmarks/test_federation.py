"""The benchmark of federation services measures what it says: contributions of simulated homes, taken in and kept."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from benchmarks.federation.__main__ import Measurements
from benchmarks.federation.bodies import States, states
from benchmarks.federation.parts import Parts
from benchmarks.federation.report import Found, Reads, Row, goals, table
from benchmarks.federation.seeding import seed
from benchmarks.federation.services import Database, running
from benchmarks.federation.stamping import body
from benchmarks.federation.usage import cpu, descendants, memory
from models.contributions import Contribution
from models.exchange.envelope import decode_contribution, encode_contribution
from tests.proxy.federation.service.learnt import learnt
from tests.proxy.federation.service.running import now_ms

READS = Reads(rate=900.0, cpu_us=700.0, p50_ms=1.5, p99_ms=3.5, size=512)


def row(store: str, origins: int, cpu_us: float, *, processes: int = 1, lost: int | None = None) -> Row:
    return Row(
        store=store,
        processes=processes,
        origins=origins,
        connections=10,
        rate=800.0,
        cpu_us=cpu_us,
        database_us=0,
        bare_us=200,
        bare_rate=4000,
        ratio=cpu_us / 200,
        p50_ms=12,
        p99_ms=34,
        refused=0,
        lost=lost,
        own=READS,
        unchanged=READS,
        foreign=READS,
        updated_ms=66,
        updated_most_ms=99,
        start_s=2.5,
        memory_mb=88,
        disk_mb=1.5,
        handshake_us=2100,
        connection_kib=45,
    )


def test_a_stamp_is_written_as_the_envelope_writes_it() -> None:
    contribution = learnt(epoch=0, sequence=0)
    model = encode_contribution(contribution)[10:]
    for epoch, sequence in ((0, 0), (now_ms(), 1), (2**53 - 2, 300)):
        wanted = Contribution(epoch=epoch, sequence=sequence, model=contribution.model)
        assert body(model, epoch, sequence) == encode_contribution(wanted)


def test_what_is_sent_was_learnt_and_each_state_differs_from_the_one_before() -> None:
    found = states(1, 0.5)
    assert len(found.models) > 1
    assert len(set(found.models)) == len(found.models)
    weights = [
        decode_contribution(found.service_type, body(each, 1, 1), now_minute=now_ms() // 60_000).model.weight
        for each in found.models
    ]
    assert weights == sorted(weights)


def test_goals_compare_one_process_with_few_and_with_many_origins() -> None:
    rows = [row("sqlite", 10, 500), row("sqlite", 1000, 1000), row("sqlite", 100_000, 1100)]
    told = goals([*rows, row("postgres", 1000, 1250), row("postgres", 1000, 99, processes=2)])
    assert any("1,500 contributions/s of one process; 800 at 1,000 origins, 800 in a second" in line for line in told)
    assert any("sqlite: 2,000" in line and "909 in a second" in line for line in told)
    assert any("+10% of CPU time" in line for line in told)
    assert not any("postgres: cost" in line for line in told)


def test_the_table_has_a_line_for_each_store_and_number_of_origins() -> None:
    parts = Parts(read_us=180, pool_us=300, stores_us={"sqlite": 41})
    found = Found(
        machine="m", service_type="/t", contribution_bytes=380, parts=parts, rows=[row("sqlite", 1000, 1000, lost=0)]
    )
    told = table(found)
    assert told.splitlines()[2].split()[:7] == ["sqlite", "1,000", "800", "1,000", "0", "200", "5.00"]
    assert "sqlite 41" in told
    assert "2,100 us of CPU, 45 KiB" in told


def test_what_a_process_uses_is_what_the_kernel_counts() -> None:
    before = cpu([os.getpid()])
    while cpu([os.getpid()]) < before + 0.05:
        pass
    assert memory([os.getpid()]) > 1 << 20
    assert os.getpid() in descendants(os.getppid())


def test_what_is_measured_was_taken_in_and_kept(tmp_path: Path) -> None:
    found = states(1, 0.3)
    sent = States(found.service_type, found.models[-2:])
    database = Database("sqlite", None, str(tmp_path / "federation.db"))
    asyncio.run(seed(database, sent, 0, 20, 1))
    measurements = Measurements(database, 1, sent, tmp_path / "service", 0.2)
    with running(tmp_path / "service", database, 1) as services:
        bare, cost, ratio = measurements.contribute(services, 4)
        assert bare.load.refused == 0
        assert cost.load.refused == 0
        assert len(cost.load.acknowledged) == 4
        assert cost.cpu_us > 0
        assert ratio > 0
        assert len(measurements.updated(services)) == 2
        assert measurements.lost(services) == 0
    assert len(database.held(1)) == 20
