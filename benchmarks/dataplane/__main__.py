"""Measure every data plane, interleaved, and write `build/benchmarks/dataplane.json` and a table."""

from __future__ import annotations

import random
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import click
import msgspec
import yaml

from benchmarks.dataplane import load
from benchmarks.dataplane.contenders import Alleyes, Contender, Direct, Haproxy, Mitmdump, ModSecurity, Nginx
from benchmarks.dataplane.load import Load
from benchmarks.dataplane.tls_client import tls_client
from tests.network.namespaces import Topology
from tests.site.certificates import SiteAuthority
from tests.site.gateway_process import AGENT_PORT

ROOT = Path(__file__).parents[2]
OUTPUT = ROOT / "build" / "benchmarks" / "dataplane.json"
METHODS = ("GET", "PUT")
BUSY, SINGLE = 8, 1
"""Connections: under load, and one for what a request waits."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """Medians of one data plane, with one method, over some connections."""

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


class Case(NamedTuple):
    """What is measured at a time."""

    contender: Contender
    tls: bool


def measure(
    cases: Sequence[Case], topology: Topology, authority: SiteAuthority, directory: Path, rounds: int, seconds: int
) -> list[Row]:
    """Run every case once a round, in random order, and return the medians."""
    found: dict[tuple[str, bool, str, int], list[Load]] = defaultdict(list)
    order = random.Random(1)
    agent = authority.agent("agent1")
    for number in range(rounds):
        for case in order.sample(list(cases), len(cases)):
            with ExitStack() as stack:
                certificate, key = (agent.certificate, agent.key) if case.tls else (None, None)
                stack.enter_context(load.access_point(topology, directory, certificate=certificate, key=key))
                pids = stack.enter_context(case.contender.running(topology, directory))
                target = f"{Topology.ACCESS_IPV4[0]}:{AGENT_PORT}"
                if case.tls:
                    target = stack.enter_context(tls_client(topology, directory, authority.service("lightcontrol1")))
                for method in METHODS:
                    for connections in (BUSY, SINGLE):
                        one = load.run(
                            topology.lan,
                            directory,
                            pids,
                            target=target,
                            method=method,
                            connections=connections,
                            seconds=seconds,
                        )
                        found[case.contender.name, case.tls, method, connections].append(one)
            click.echo(f"round {number + 1}: {case.contender.name}{' tls' if case.tls else ''}", err=True)
    return [_row(key, runs, found) for key, runs in found.items()]


def _row(
    key: tuple[str, bool, str, int], runs: Sequence[Load], found: dict[tuple[str, bool, str, int], list[Load]]
) -> Row:
    name, tls, method, connections = key
    plain = None if tls else found["direct", False, method, connections]

    def median(field: str, of: Sequence[Load] = runs) -> float | None:
        values = [value for each in of if (value := getattr(each, field)) is not None]
        return statistics.median(values) if values else None

    def added(field: str) -> float | None:
        mine, base = median(field), None if plain is None else median(field, plain)
        return None if mine is None or base is None else mine - base

    return Row(
        name=name,
        workers=1,
        tls=tls,
        method=method,
        connections=connections,
        rps=median("rps") or 0.0,
        cpu_us=median("cpu"),
        p50_added_us=added("p50"),
        p99_added_us=added("p99"),
        rss_mb=median("rss"),
        errors=sum(each.errors for each in runs),
    )


def ratios(rows: Sequence[Row]) -> dict[str, float | None]:
    """Return how many times as many requests per second the gateway carries, in plain HTTP, under load."""
    rates = {(row.name, row.method): row.rps for row in rows if not row.tls and row.connections == BUSY}
    return {
        f"vs_{name}_{method.lower()}": rates["alleyes", method] / rates[name, method]
        if rates.get((name, method)) and ("alleyes", method) in rates
        else None
        for name in ("mitmdump", "modsecurity", "direct")
        for method in METHODS
    }


def table(rows: Sequence[Row]) -> str:
    """Return the rows as people read them."""
    head = f"{'data plane':<14}{'':5}{'method':<8}{'c':>3}{'requests/s':>12}{'CPU us':>9}"
    lines = [f"{head}{'p50 added us':>14}{'p99 added us':>14}{'RSS MB':>9}{'errors':>8}"]
    for row in sorted(rows, key=lambda row: (row.tls, row.connections != BUSY, row.method, -row.rps)):
        told = [
            "-" if value is None else f"{value:,.0f}"
            for value in (row.cpu_us, row.p50_added_us, row.p99_added_us, row.rss_mb)
        ]
        lines.append(
            f"{row.name:<14}{'tls' if row.tls else '':5}{row.method:<8}{row.connections:>3}{row.rps:>12,.0f}"
            f"{told[0]:>9}{told[1]:>14}{told[2]:>14}{told[3]:>9}{row.errors:>8}"
        )
    return "\n".join(lines)


@click.command()
@click.option("--rounds", default=3, show_default=True, help="Interleaved runs of each data plane.")
@click.option("--seconds", default=3, show_default=True, help="Of each load.")
@click.option("--only", multiple=True, help="This data plane; may be repeated. Direct is measured always.")
def main(rounds: int, seconds: int, only: tuple[str, ...]) -> None:
    """Print a table and write the JSON."""
    policy = yaml.safe_load((ROOT / "config" / "policy.yaml").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="alleyes-benchmark-") as name, Topology(services=2) as topology:
        directory = Path(name)
        directory.chmod(0o755)
        authority = SiteAuthority(directory / "ca")
        cases = [
            Case(Direct(), tls=False),
            Case(Mitmdump(), tls=False),
            Case(Nginx(), tls=False),
            Case(ModSecurity(), tls=False),
            Case(Haproxy(), tls=False),
            Case(Alleyes(authority, policy, tls=False), tls=False),
            Case(Alleyes(authority, policy, tls=True), tls=True),
        ]
        wanted = [case for case in cases if not only or case.contender.name in {*only, "direct"}]
        rows = measure(wanted, topology, authority, directory, rounds, seconds)
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    found = {"rows": msgspec.to_builtins(rows), "ratios": ratios(rows)}
    OUTPUT.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2))
    click.echo(table(rows))
    for ratio, value in ratios(rows).items():
        click.echo(f"{ratio:<24}{'-' if value is None else f'{value:.2f}'}")


if __name__ == "__main__":
    main()
