"""Measure every data plane, interleaved, and write `build/benchmarks/dataplane.json` and a table."""

from __future__ import annotations

import random
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import click
import msgspec
import yaml

from benchmarks import judge
from benchmarks.dataplane import kernel, load, memory, open_loop
from benchmarks.dataplane.contenders import Alleyes, Contender, Direct, Haproxy, Mitmdump, ModSecurity, Nginx
from benchmarks.dataplane.load import Load
from benchmarks.dataplane.open_loop import Latency
from benchmarks.dataplane.report import (
    BUSY,
    METHODS,
    SINGLE,
    Found,
    NewConnections,
    OpenLoop,
    Row,
    Spread,
    ratios,
    table,
)
from benchmarks.dataplane.tls_client import tls_client
from tests.network.namespaces import Host, Topology
from tests.site.certificates import SiteAuthority
from tests.site.gateway_process import AGENT_PORT

ROOT = Path(__file__).parents[2]
OUTPUT = ROOT / "build" / "benchmarks" / "dataplane.json"
RATES = (200, 600)
"""Requests per second of the open loop."""
TARGET = f"{Topology.ACCESS_IPV4[0]}:{AGENT_PORT}"
SENDERS = 8
"""Light controllers on hosts of their own, of which each worker is to have one."""


class Case(NamedTuple):
    """What is measured at a time."""

    contender: Contender
    tls: bool = False

    @property
    def workers(self) -> int:
        """Number of workers that judge; 1 for who has none."""
        return self.contender.workers if isinstance(self.contender, Alleyes) else 1


class Measurements:
    """The runs of all cases."""

    def __init__(self, topology: Topology, authority: SiteAuthority, directory: Path, seconds: int) -> None:
        self._topology = topology
        self._authority = authority
        self._directory = directory
        self._seconds = seconds
        self.senders = {
            f"10.77.1.{200 + index}": topology.attach(f"sender{index}", [f"10.77.1.{200 + index}"])
            for index in range(SENDERS)
        }
        self._kept: dict[tuple[str, bool, str, int], list[Load]] = defaultdict(list)
        self._new: dict[str, list[Load]] = defaultdict(list)
        self._open: dict[tuple[str, int], list[Latency]] = defaultdict(list)
        self._spread: dict[int, list[Load]] = defaultdict(list)

    def measure(self, case: Case) -> None:
        """Run a case once."""
        agent = self._authority.agent("agent1")
        topology, directory = self._topology, self._directory
        with ExitStack() as stack:
            certificate, key = (agent.certificate, agent.key) if case.tls else (None, None)
            stack.enter_context(load.access_point(topology, directory, certificate=certificate, key=key))
            pids = stack.enter_context(case.contender.running(topology, directory))
            if case.tls:
                service = self._authority.service("lightcontrol1")
                target = stack.enter_context(tls_client(topology, directory, service))
                self._keep(case, pids, target)
                return
            if isinstance(case.contender, Alleyes):
                self._from_many(case.contender, pids)
            if case.workers == 1:
                self._keep(case, pids, TARGET)
                self._open_loop(case)
                one = self._load(pids, TARGET, "GET", BUSY, kept=False)
                self._new[case.contender.name].append(one)

    def _keep(self, case: Case, pids: Sequence[int], target: str) -> None:
        for method in METHODS:
            for connections in (BUSY, SINGLE):
                one = self._load(pids, target, method, connections)
                self._kept[case.contender.name, case.tls, method, connections].append(one)

    def _load(self, pids: Sequence[int], target: str, method: str, connections: int, *, kept: bool = True) -> Load:
        return load.run(
            self._topology.lan,
            self._directory,
            pids,
            target=target,
            method=method,
            connections=connections,
            seconds=self._seconds,
            kept=kept,
        )

    def _from_many(self, contender: Alleyes, pids: Sequence[int]) -> None:
        """Load from as many senders whatever the number of workers: where there are two, one of each."""
        hosts: Sequence[Host] = list(self.senders.values())[:2]
        if contender.workers > 1:
            hosts = contender.one_of_each_worker(self.senders)
        one = load.run_from(
            hosts,
            self._directory,
            pids,
            target=TARGET,
            method="GET",
            connections=BUSY,
            seconds=self._seconds,
        )
        self._spread[contender.workers].append(one)

    def _open_loop(self, case: Case) -> None:
        request = load.request("PUT", TARGET)
        for rate in RATES:
            one = open_loop.run(
                self._topology.lan,
                (Topology.ACCESS_IPV4[0], AGENT_PORT),
                request,
                rate=rate,
                seconds=self._seconds,
            )
            self._open[case.contender.name, rate].append(one)

    def found(self) -> Found:
        """Return the medians."""
        rows = [self._row(key, runs) for key, runs in self._kept.items()]
        rows += [
            _row("alleyes", "GET", BUSY, runs, base=None, workers=workers)
            for workers, runs in self._spread.items()
            if workers > 1
        ]
        spread = [
            Spread(workers=workers, rps=_median(runs, "rps") or 0.0, cpu_us=_median(runs, "cpu"))
            for workers, runs in sorted(self._spread.items())
        ]
        return Found(
            rows=rows,
            ratios=ratios(rows, spread),
            workers=spread,
            open_loop=[self._added(name, rate) for name, rate in self._open if name != "direct"],
            new_connections=[
                NewConnections(name=name, rps=_median(runs, "rps") or 0.0, cpu_us=_median(runs, "cpu"))
                for name, runs in self._new.items()
            ],
        )

    def _row(self, key: tuple[str, bool, str, int], runs: Sequence[Load]) -> Row:
        name, tls, method, connections = key
        base = None if tls else self._kept["direct", False, method, connections]
        return _row(name, method, connections, runs, base=base, tls=tls)

    def _added(self, name: str, rate: int) -> OpenLoop:
        mine, base = self._open[name, rate], self._open["direct", rate]

        return OpenLoop(
            name=name,
            rate=rate,
            p50_added_us=statistics.median(each.p50 for each in mine) - statistics.median(each.p50 for each in base),
            p99_added_us=statistics.median(each.p99 for each in mine) - statistics.median(each.p99 for each in base),
        )


def _median(runs: Sequence[Load], field: str) -> float | None:
    values = [value for each in runs if (value := getattr(each, field)) is not None]
    return statistics.median(values) if values else None


def _row(
    name: str,
    method: str,
    connections: int,
    runs: Sequence[Load],
    *,
    base: Sequence[Load] | None,
    tls: bool = False,
    workers: int = 1,
) -> Row:
    def added(field: str) -> float | None:
        mine, direct = _median(runs, field), _median(base or (), field)
        return None if mine is None or direct is None else mine - direct

    return Row(
        name=name,
        workers=workers,
        tls=tls,
        method=method,
        connections=connections,
        rps=_median(runs, "rps") or 0.0,
        cpu_us=_median(runs, "cpu"),
        p50_added_us=added("p50"),
        p99_added_us=added("p99"),
        rss_mb=_median(runs, "rss"),
        errors=sum(each.errors for each in runs),
    )


def _cases(authority: SiteAuthority, senders: Mapping[str, Host]) -> list[Case]:
    policy = yaml.safe_load((ROOT / "config" / "policy.yaml").read_text(encoding="utf-8"))
    return [
        Case(Direct()),
        Case(Mitmdump()),
        Case(Nginx()),
        Case(ModSecurity()),
        Case(Haproxy()),
        Case(Alleyes(authority, policy, tls=False, sources=list(senders))),
        Case(Alleyes(authority, policy, tls=False, sources=list(senders), workers=2)),
        Case(Alleyes(authority, policy, tls=True), tls=True),
    ]


@click.command()
@click.option("--rounds", default=3, show_default=True, help="Interleaved runs of each data plane.")
@click.option("--seconds", default=3, show_default=True, help="Of each load.")
@click.option("--only", multiple=True, help="This data plane; may be repeated. Direct is measured always.")
@click.option(
    "--requests", default=200_000, show_default=True, help="For the memory; 0 leaves out memory, kernel and judge."
)
def main(rounds: int, seconds: int, only: tuple[str, ...], requests: int) -> None:
    """Print a table and write the JSON."""
    order = random.Random(1)
    with tempfile.TemporaryDirectory(prefix="alleyes-benchmark-") as name, Topology(services=2) as topology:
        directory = Path(name)
        directory.chmod(0o755)
        authority = SiteAuthority(directory / "ca")
        measurements = Measurements(topology, authority, directory, seconds)
        cases = _cases(authority, measurements.senders)
        wanted = [case for case in cases if not only or case.contender.name in {*only, "direct"}]
        for number in range(rounds):
            for case in order.sample(wanted, len(wanted)):
                measurements.measure(case)
                click.echo(f"round {number + 1}: {_name(case)}", err=True)
        found = measurements.found()
    if requests:
        found = msgspec.structs.replace(
            found, memory=memory.measure(requests), nftables=kernel.measure(), judge_us=judge.judge_us()
        )
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2))
    click.echo(table(found))


def _name(case: Case) -> str:
    parts = [case.contender.name, "tls" if case.tls else "", f"{case.workers} workers" if case.workers > 1 else ""]
    return " ".join(part for part in parts if part)


if __name__ == "__main__":
    main()
