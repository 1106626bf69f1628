"""How quickly a decision takes hold in the kernel, by way of the firewall helper; in network namespaces of its own.

`python -m benchmarks.dataplane.kernel` prints the figures as JSON. A connection that is redirected as calls are carries
an answer after the other while its sender is quarantined: the last one that comes through is what a decision costs.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

import msgspec

from proxy.firewall.commands import InstallTable, Quarantine
from proxy.firewall.helper import FirewallHelper
from proxy.firewall.nftables import Applied
from proxy.firewall.plan import AccessPoint, Entry, Plan
from tests.network.namespaces import Host, Topology

CUTS = 50
"""Connections that are cut, each of another sender."""
INSERTS = 300
SIZES = (0, 1_000, 100_000)
_BEFORE_THE_CUT = 0.02
"""Seconds in which answers come and go before the decision."""
_SECONDS = 60.0
_PORT, _LISTENER_PORT = 8081, 9101
_ROOT = Path(__file__).parents[2]
_PLAN = Plan(
    access_points=(
        AccessPoint(
            name="agent1",
            ipv4=Topology.ACCESS_IPV4[0],
            port=_PORT,
            listener_ipv4=Topology.GATEWAY_IPV4,
            listener_port=_LISTENER_PORT,
        ),
    ),
    service_interfaces=(Topology.IOT_INTERFACE,),
    access_interfaces=(Topology.ACCESS_INTERFACE,),
)


class KernelFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds."""

    cut_ms_p50: float
    """From the decision to the last answer that an established connection of the sender gets."""
    cut_ms_p99: float
    insert_ms_at_0: float
    """From handing over one quarantine until it is confirmed; the median, with so many in the set before."""
    insert_ms_at_1k: float
    insert_ms_at_100k: float
    insert_ms_p99_at_0: float
    insert_ms_p99_at_1k: float
    insert_ms_p99_at_100k: float


def measure(*, cuts: int = CUTS, inserts: int = INSERTS, sizes: tuple[int, int, int] = SIZES) -> KernelFigures:
    """Measure everything; less than a minute.

    Raises:
        IsolationError: with the reason, where this machine has no network namespaces.
    """
    with Topology(services=cuts) as topology, _helper(topology.gateway) as helper:
        cut = _cuts(topology, helper, cuts)
        none, few, many = (_inserts(helper, size, inserts) for size in sizes)
    return KernelFigures(
        cut_ms_p50=_rounded(median(cut)),
        cut_ms_p99=_rounded(_p99(cut)),
        insert_ms_at_0=_rounded(median(none)),
        insert_ms_at_1k=_rounded(median(few)),
        insert_ms_at_100k=_rounded(median(many)),
        insert_ms_p99_at_0=_rounded(_p99(none)),
        insert_ms_p99_at_1k=_rounded(_p99(few)),
        insert_ms_p99_at_100k=_rounded(_p99(many)),
    )


@contextmanager
def _helper(host: Host) -> Iterator[FirewallHelper]:
    helper = FirewallHelper()
    with host.entered():
        helper.start()
    try:
        yield helper
    finally:
        helper.close()


def _cuts(topology: Topology, helper: FirewallHelper, number: int) -> list[float]:
    """Return for each of so many senders the seconds from the decision to its last answer."""
    _done(helper.submit(InstallTable(_PLAN)))
    serving = _started(topology.gateway, "serve", Topology.GATEWAY_IPV4, _LISTENER_PORT)
    _expect(serving, "serving")
    asking = _started(topology.lan, "ask", Topology.ACCESS_IPV4[0], _PORT)
    seconds = []
    for index in range(number):
        sender = topology.service_ipv4(index)
        print(sender, file=asking.stdin, flush=True)
        _expect(asking, "asking")
        time.sleep(_BEFORE_THE_CUT)
        decided = time.monotonic()
        confirmed = helper.submit(Quarantine((Entry(ip=sender, until=time.time() + 3600),)))
        last = float(_line(asking))
        _done(confirmed)
        # An answer that was late by itself may have been the last one before the decision.
        seconds.append(max(0.0, last - decided))
    return seconds


def _inserts(helper: FirewallHelper, size: int, number: int) -> list[float]:
    """Return for each of so many quarantines the seconds until it is confirmed, beside `size` others."""
    until = time.time() + 3600
    _done(helper.submit(InstallTable(_PLAN, tuple(_entries(8, size, until)))))
    seconds = []
    for entry in _entries(64 + len(str(size)), number, until):
        begun = time.monotonic()
        _done(helper.submit(Quarantine((entry,))))
        seconds.append(time.monotonic() - begun)
    return seconds


def _entries(network: int, number: int, until: float) -> Iterator[Entry]:
    for n in range(number):
        yield Entry(ip=f"10.{network + (n >> 16)}.{n >> 8 & 255}.{n & 255}", until=until)


def _started(host: Host, role: str, address: str, port: int) -> subprocess.Popen[str]:
    argv = [sys.executable, "-m", "benchmarks.dataplane.pingpong", role, address, str(port)]
    return host.popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT)


def _line(process: subprocess.Popen[str]) -> str:
    return "" if process.stdout is None else process.stdout.readline().strip()


def _expect(process: subprocess.Popen[str], word: str) -> None:
    line = _line(process)
    if line != word:
        raise RuntimeError(f"{word!r} was to come, not {line!r}: see what the process printed")


def _done(future: Future[Applied]) -> None:
    future.result(_SECONDS)


def _p99(seconds: Sequence[float]) -> float:
    return quantiles(seconds, n=100, method="inclusive")[98]


def _rounded(seconds: float) -> float:
    return round(seconds * 1000, 3)


if __name__ == "__main__":
    print(msgspec.json.format(msgspec.json.encode(measure())).decode())
