"""What was measured of the data planes: rows, the ratios between them, and both as people read them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from benchmarks.dataplane.kernel import KernelFigures
from benchmarks.dataplane.memory import Memory, told
from benchmarks.judge import Latency

METHODS = ("GET", "PUT")
BUSY, SINGLE = 8, 1
"""Connections: under load, and one for what a request waits."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """Medians of one data plane, with one method, over kept connections."""

    name: str
    workers: int
    tls: bool
    method: str
    connections: int
    rps: float
    cpu_us: float | None
    p50_added_us: float | None
    """Beyond direct; None with TLS, which nobody measures directly."""
    p99_added_us: float | None
    rss_mb: float | None
    errors: int


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """Medians of the gateway with so many workers, all under the same load of several senders."""

    workers: int
    rps: float
    cpu_us: float | None
    """Of all processes, per request: where the load generator bounds the rate, this must not grow with the workers."""


class OpenLoop(msgspec.Struct, frozen=True, kw_only=True):
    """Medians of what a data plane adds to a PUT in an open loop."""

    name: str
    rate: int
    """Requests per second, on average."""
    p50_added_us: float
    p99_added_us: float


class NewConnections(msgspec.Struct, frozen=True, kw_only=True):
    """Medians of GETs that each have a connection of their own."""

    name: str
    rps: float
    cpu_us: float | None


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Everything: the content of `build/benchmarks/dataplane.json`."""

    rows: list[Row]
    ratios: dict[str, float | None]
    workers: list[Spread] = []
    open_loop: list[OpenLoop] = []
    new_connections: list[NewConnections] = []
    memory: Memory | None = None
    nftables: KernelFigures | None = None
    judge_us: Latency | None = None


def ratios(rows: Sequence[Row], spread: Sequence[Spread]) -> dict[str, float | None]:
    """Return how many times as many requests per second the gateway carries, in plain HTTP, under load.

    Args:
        rows: With one worker.
        spread: Of one worker and of two.

    Returns:
        The ratios; None where one side was not measured. `workers_2_vs_1_cpu` is that of the CPU time per request.
    """
    rates = {
        (row.name, row.method): row.rps for row in rows if not row.tls and row.connections == BUSY and row.workers == 1
    }
    found = {
        f"vs_{name}_{method.lower()}": rates["alleyes", method] / rates[name, method]
        if rates.get((name, method)) and ("alleyes", method) in rates
        else None
        for name in ("mitmdump", "modsecurity", "direct")
        for method in METHODS
    }
    by_workers = {each.workers: each for each in spread}
    one, two = by_workers.get(1), by_workers.get(2)
    more = None if one is None or two is None or not one.rps else two.rps / one.rps
    dearer = None if one is None or two is None or not one.cpu_us or two.cpu_us is None else two.cpu_us / one.cpu_us
    return found | {"workers_2_vs_1": more, "workers_2_vs_1_cpu": dearer}


def table(found: Found) -> str:
    """Return everything as people read it."""
    head = f"{'data plane':<14}{'':5}{'method':<8}{'c':>3}{'requests/s':>12}{'CPU us':>9}"
    lines = [f"{head}{'p50 added us':>14}{'p99 added us':>14}{'RSS MB':>9}{'errors':>8}"]
    for row in sorted(found.rows, key=lambda row: (row.tls, row.connections != BUSY, row.method, -row.rps)):
        cells = [_number(value) for value in (row.cpu_us, row.p50_added_us, row.p99_added_us, row.rss_mb)]
        name = row.name if row.workers == 1 else f"{row.name} x{row.workers}"
        lines.append(
            f"{name:<14}{'tls' if row.tls else '':5}{row.method:<8}{row.connections:>3}{row.rps:>12,.0f}"
            f"{cells[0]:>9}{cells[1]:>14}{cells[2]:>14}{cells[3]:>9}{row.errors:>8}"
        )
    lines += [f"{ratio:<24}{'-' if value is None else f'{value:.2f}'}" for ratio, value in found.ratios.items()]
    for spread in sorted(found.workers, key=lambda spread: spread.workers):
        cost = f"CPU {_number(spread.cpu_us)} us"
        lines.append(f"load of two senders, {spread.workers} of alleyes' workers: {spread.rps:,.0f} requests/s, {cost}")
    for each in sorted(found.open_loop, key=lambda each: (each.rate, each.p50_added_us)):
        lines.append(
            f"open loop, {each.rate} PUT/s: {each.name:<12} adds {each.p50_added_us:,.0f} us (p50),"
            f" {each.p99_added_us:,.0f} us (p99)"
        )
    for fresh in sorted(found.new_connections, key=lambda each: -each.rps):
        cost = f"CPU {_number(fresh.cpu_us)} us"
        lines.append(f"a new connection for each GET: {fresh.name:<12} {fresh.rps:,.0f} requests/s, {cost}")
    if found.memory is not None:
        lines.append(told(found.memory))
    if (kernel := found.nftables) is not None:
        lines += [
            f"decision to last answer: {kernel.cut_ms_p50:.2f} ms (p50), {kernel.cut_ms_p99:.2f} ms (p99)",
            (
                f"insert of a quarantine: {kernel.insert_ms_at_0:.3f} / {kernel.insert_ms_at_1k:.3f} /"
                f" {kernel.insert_ms_at_100k:.3f} ms at 0 / 1k / 100k entries"
            ),
        ]
    if found.judge_us is not None:
        lines.append(f"judge one access: {found.judge_us.p50:.1f} us (p50), {found.judge_us.p99:.1f} us (p99)")
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"
