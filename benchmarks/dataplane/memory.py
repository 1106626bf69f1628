"""Memory of the gateway: idle, as requests go through, and for each open connection. One worker, plain HTTP.

`python -m benchmarks.dataplane.memory [--requests 200000]`; minutes.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click
import msgspec
import yaml

from benchmarks.dataplane import load
from benchmarks.dataplane.contenders import Alleyes
from tests.network.namespaces import Topology
from tests.site.certificates import SiteAuthority
from tests.site.gateway_process import AGENT_PORT

ROOT = Path(__file__).parents[2]
OPEN = 200
"""Connections whose memory is measured: fewer than one address may have."""
_LONGEST = 600.0
"""Seconds after which the load ends, however many requests went through."""
_STEP_SECONDS = 10


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """Of the worker process, in megabytes (10^6 bytes) where not said otherwise."""

    idle_mb: float
    after_100k_mb: float | None
    """None where the load ended before."""
    after_200k_mb: float | None
    requests: int
    connection_kib: float
    """Of each of `OPEN` connections that have carried a request."""
    supervisor_mb: float
    """Of all other processes of the gateway together."""


def measure(requests: int) -> Memory:
    """Measure in namespaces of its own."""
    policy = yaml.safe_load((ROOT / "config" / "policy.yaml").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="alleyes-benchmark-") as name, Topology(services=2) as topology:
        directory = Path(name)
        directory.chmod(0o755)
        contender = Alleyes(SiteAuthority(directory / "ca"), policy, tls=False)
        with ExitStack() as stack:
            stack.enter_context(load.access_point(topology, directory, certificate=None, key=None))
            pids = stack.enter_context(contender.running(topology, directory))
            (worker,) = contender.worker_pids()
            idle = rss(worker)
            with _connections(topology):
                per_connection = (rss(worker) - idle) / OPEN
            return _under_load(topology, directory, pids, worker, requests, idle, per_connection)


def _under_load(
    topology: Topology, directory: Path, pids: list[int], worker: int, requests: int, idle: int, per_connection: float
) -> Memory:
    after: dict[int, float] = {}
    done, begun = 0, time.monotonic()
    while done < requests and time.monotonic() - begun < _LONGEST:
        one = load.run(
            topology.lan,
            directory,
            pids,
            target=f"{Topology.ACCESS_IPV4[0]}:{AGENT_PORT}",
            method=("GET", "PUT")[len(after) % 2],
            connections=8,
            seconds=_STEP_SECONDS,
        )
        done += one.requests
        after[done] = rss(worker) / 1e6
    return Memory(
        idle_mb=idle / 1e6,
        after_100k_mb=_at(after, requests // 2),
        after_200k_mb=_at(after, requests),
        requests=done,
        connection_kib=per_connection / 1024,
        supervisor_mb=sum(rss(pid) for pid in pids if pid != worker) / 1e6,
    )


def _at(after: dict[int, float], requests: int) -> float | None:
    return next((found for done, found in after.items() if done >= requests), None)


@contextmanager
def _connections(topology: Topology) -> Iterator[None]:
    """Open connections, let each carry a request, and keep them."""
    request = load.request("GET", f"{Topology.ACCESS_IPV4[0]}:{AGENT_PORT}")
    with ExitStack() as stack:
        for _ in range(OPEN):
            end = stack.enter_context(
                topology.lan.connect(Topology.ACCESS_IPV4[0], AGENT_PORT, source=topology.service_ipv4(0))
            )
            end.sendall(request)
            end.recv(65536)
        yield


def rss(pid: int) -> int:
    """Return the bytes of a process that are in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@click.command()
@click.option("--requests", default=200_000, show_default=True, help="Requests after which it is measured again.")
def main(requests: int) -> None:
    """Print the figures."""
    click.echo(told(measure(requests)))


def told(found: Memory) -> str:
    """Return the figures as people read them."""
    after = [f"{value:.1f}" if value is not None else "-" for value in (found.after_100k_mb, found.after_200k_mb)]
    return (
        f"worker: {found.idle_mb:.1f} MB idle, {after[0]} and {after[1]} MB after half and all of"
        f" {found.requests:,} requests, {found.connection_kib:.1f} KiB for each open connection;"
        f" supervisor and helper: {found.supervisor_mb:.1f} MB"
    )


if __name__ == "__main__":
    main()
