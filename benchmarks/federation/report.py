"""What was measured of federation services, and as people read it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from benchmarks.federation.parts import Parts

GOALS = {"postgres": 1500.0, "sqlite": 2000.0}
"""Contributions per second of one process."""
READ_GOAL_MS = 5.0
FLAT = 0.2
"""Part by which the cost of a contribution may differ at most and least origins beyond `SMALL`."""
SMALL = 1000


class Reads(msgspec.Struct, frozen=True, kw_only=True):
    """Reads of one service type's sum."""

    rate: float
    """Per second, of many connections."""
    cpu_us: float
    p50_ms: float
    """Of one connection, as `p99_ms`."""
    p99_ms: float
    size: int
    """Bytes of the answer."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One store, with so many processes and origins."""

    store: str
    processes: int
    origins: int
    connections: int
    """That load at a time."""
    rate: float
    """Contributions accepted per second, of all processes."""
    cpu_us: float
    """Microseconds of CPU time of all service processes per contribution, with all that follows from it."""
    database_us: float
    bare_us: float
    """The same of the bare endpoint, in turns with it."""
    bare_rate: float
    ratio: float
    """How many times as much CPU time as the bare endpoint needs: the median of the rounds."""
    p50_ms: float
    p99_ms: float
    refused: int
    lost: int | None
    """Contributions that were answered with a 2xx and are not in the store after the processes were killed under load;
    None where that was not tried."""
    own: Reads
    """By origins that contributed: their part is taken out."""
    unchanged: Reads
    """The same, but that they have the current state."""
    foreign: Reads
    """By origins that contributed nothing."""
    updated_ms: float
    """Median of the time from a contribution to the sum at another origin that waits; at another process if there are
    two."""
    updated_most_ms: float
    start_s: float
    """Until a process that starts has read what is stored."""
    memory_mb: float
    """Of one process after its start, 10^6 bytes."""
    disk_mb: float
    handshake_us: float
    connection_kib: float


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Everything: the content of `build/benchmarks/federation.json`."""

    machine: str
    service_type: str
    contribution_bytes: float
    """Mean."""
    parts: Parts
    rows: list[Row]


def table(found: Found) -> str:
    """Return everything as people read it."""
    lines = [
        (
            f"federation, on {found.machine}: contributions to {found.service_type} of simulated homes, "
            f"{found.contribution_bytes:.0f} bytes (mean), from connections with TLS and client certificates"
        ),
        (
            f"{'store':<12}{'origins':>9}{'put/s':>8}{'CPU us':>8}{'db us':>7}{'bare us':>9}{'x bare':>8}{'p50 ms':>8}"
            f"{'p99 ms':>8}{'refused':>9}{'lost':>6}{'update ms':>11}{'most':>7}{'start s':>9}{'MB':>7}{'disk MB':>9}"
        ),
    ]
    lines += [
        (
            f"{_name(row):<12}{row.origins:>9,}{row.rate:>8,.0f}{row.cpu_us:>8,.0f}{row.database_us:>7,.0f}"
            f"{row.bare_us:>9,.0f}{row.ratio:>8.2f}{row.p50_ms:>8.1f}{row.p99_ms:>8.1f}{row.refused:>9}"
            f"{'-' if row.lost is None else row.lost:>6}{row.updated_ms:>11.0f}{row.updated_most_ms:>7.0f}"
            f"{row.start_s:>9.1f}{row.memory_mb:>7.0f}{row.disk_mb:>9.1f}"
        )
        for row in found.rows
    ]
    lines.append(
        f"{'reads':<12}{'origins':>9}{'own: get/s':>12}{'CPU us':>8}{'p50 ms':>8}{'p99 ms':>8}{'bytes':>7}"
        f"{'foreign: get/s':>16}{'CPU us':>8}{'p50 ms':>8}{'p99 ms':>8}{'unchanged: get/s':>18}{'CPU us':>8}"
    )
    lines += [_reads(row) for row in found.rows]
    parts = found.parts
    stores = ", ".join(f"{name} {spent:.0f}" for name, spent in parts.stores_us.items())
    lines.append(
        f"parts of a contribution, CPU us, each alone: read and checked {parts.read_us:.0f}; put into the sum "
        f"{parts.pool_us:.0f}; store, the process's own part: {stores}"
    )
    if found.rows:
        most = max(found.rows, key=lambda row: (row.connections, -row.processes))
        lines.append(f"a connection: {most.handshake_us:,.0f} us of CPU, {most.connection_kib:.0f} KiB")
    return "\n".join(lines + goals(found.rows))


def goals(rows: Sequence[Row]) -> list[str]:
    """Return a line for each goal: what was reached of it."""
    lines = []
    for store, wanted in GOALS.items():
        ones = sorted((row for row in rows if row.store == store and row.processes == 1), key=lambda row: row.origins)
        if not ones:
            continue
        last = ones[-1]
        lines.append(
            f"goal, {store}: {wanted:,.0f} contributions/s of one process; {last.rate:,.0f} at {last.origins:,} "
            f"origins, {1e6 / last.cpu_us:,.0f} in a second of CPU time"
        )
        first = next((row for row in ones if row.origins >= SMALL), last)
        if first is not last:
            lines.append(
                f"goal, {store}: cost within {FLAT:.0%} of that at {first.origins:,} origins; "
                f"{last.cpu_us / first.cpu_us - 1:+.0%} of CPU time, "
                f"{last.ratio / first.ratio - 1:+.0%} relative to bare"
            )
        lines.append(
            f"goal, {store}: a read in {READ_GOAL_MS:g} ms; {last.own.p50_ms:.1f} (p50), {last.own.p99_ms:.1f} (p99) "
            f"at {last.origins:,} origins"
        )
    return lines


def _reads(row: Row) -> str:
    own, foreign, unchanged = row.own, row.foreign, row.unchanged
    return (
        f"{_name(row):<12}{row.origins:>9,}{own.rate:>12,.0f}{own.cpu_us:>8,.0f}{own.p50_ms:>8.2f}{own.p99_ms:>8.2f}"
        f"{own.size:>7,}{foreign.rate:>16,.0f}{foreign.cpu_us:>8,.0f}{foreign.p50_ms:>8.2f}{foreign.p99_ms:>8.2f}"
        f"{unchanged.rate:>18,.0f}{unchanged.cpu_us:>8,.0f}"
    )


def _name(row: Row) -> str:
    return row.store if row.processes == 1 else f"{row.store} x{row.processes}"
