"""How quickly a verdict cuts its sender off, all the way through the running gateway; in network namespaces of its own.

`python -m benchmarks.dataplane.cut` prints the figures as JSON. Each sender has a connection open at an access point,
and another one, to the gateway's host, that the proxy has nothing to do with: answers come and go on that until the
kernel drops them. Then it makes a call that is reason enough for a quarantine. Unlike the figures of `kernel`, these
include the judge, and the way from the worker over the supervisor to the firewall helper; and, from the call on, the
call's way to the judge.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

import msgspec

from proxy.control.client import ControlClient
from tests.network.namespaces import Host, Topology
from tests.site.access_points import AccessPoints
from tests.site.certificates import SiteAuthority
from tests.site.gateway_process import AGENT_PORT, GatewayProcess, Settings, gateway_settings

SENDERS = 50
_TYPE = "/washingMachine"
_REFUSED: Settings = {"mode": "enforce", "thresholds": {"alert": 0, "block": 0, "quarantine": 0}}
_POLICY: Settings = {"mode": "learn", "service_types": {_TYPE: _REFUSED}}
"""Whatever such a service does is reason enough for a quarantine."""
_REGISTRATION = b'{"modelId":"/movementSensor","modelHash":"","binaryHash":""}'
_CALL = b"GET /vsl/agent1/movement1/movement HTTP/1.1\r\nHost: agent\r\nAccept: application/json\r\n\r\n"
_PORT = 7001
_PACE = 0.0002
"""Seconds between an answer and the next question: two processes that never rest would stand in the way."""
_SECONDS = 10.0
_ROOT = Path(__file__).parents[2]


class CutFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds, as the sender notices it."""

    decided_proxy_ms_p50: float
    """From when the call is judged that leads to the quarantine (the quarantine's own time) until the sender's other
    connection at the access point has ended."""
    decided_proxy_ms_p99: float
    decided_kernel_ms_p50: float
    """From then until the last answer of any host of the network reaches the sender."""
    decided_kernel_ms_p99: float
    proxy_ms_p50: float
    """The same from when that call is sent."""
    proxy_ms_p99: float
    kernel_ms_p50: float
    kernel_ms_p99: float


class _Cut(NamedTuple):
    """What happened to one sender; real time, seconds since the epoch."""

    sent: float
    """The call was."""
    ended: float
    """The other connection had."""
    silent: float
    """The last answer came."""


def measure(senders: int = SENDERS) -> CutFigures:
    """Measure with so many senders, one after the other; less than half a minute.

    Raises:
        IsolationError: with the reason, where this machine has no network namespaces.
    """
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        topology = stack.enter_context(Topology(services=senders + 1))
        stack.enter_context(AccessPoints(topology, [None, None]))
        gateway = GatewayProcess(directory / "gateway", topology.gateway)
        settings = gateway_settings(SiteAuthority(directory), gateway.state, tls="plain")
        del settings["tls"]
        services = [
            {"address": f"/agent1/washing{index}", "service_type": _TYPE, "ip": topology.service_ipv4(index)}
            for index in range(senders)
        ]
        healthy = topology.service_ipv4(senders)
        gateway.write(settings, _POLICY, {"services": [*services, {"address": "/agent1/movement1", "ip": healthy}]})
        stack.enter_context(gateway.running())
        _register(topology, healthy)
        serving = _started(stack, topology.gateway, "serve", Topology.GATEWAY_IPV4)
        _expect(serving, "serving")
        asking = _started(stack, topology.lan, "ask", Topology.GATEWAY_IPV4)
        cuts = {sender: _cut(topology, asking, sender) for sender in map(topology.service_ipv4, range(senders))}
        held = ControlClient(gateway.state).quarantines().quarantines
        decided = {each.ip: each.since for each in held}
    return CutFigures(
        decided_proxy_ms_p50=_ms(median, [cut.ended - decided[sender] for sender, cut in cuts.items()]),
        decided_proxy_ms_p99=_ms(_p99, [cut.ended - decided[sender] for sender, cut in cuts.items()]),
        decided_kernel_ms_p50=_ms(median, [cut.silent - decided[sender] for sender, cut in cuts.items()]),
        decided_kernel_ms_p99=_ms(_p99, [cut.silent - decided[sender] for sender, cut in cuts.items()]),
        proxy_ms_p50=_ms(median, [cut.ended - cut.sent for cut in cuts.values()]),
        proxy_ms_p99=_ms(_p99, [cut.ended - cut.sent for cut in cuts.values()]),
        kernel_ms_p50=_ms(median, [cut.silent - cut.sent for cut in cuts.values()]),
        kernel_ms_p99=_ms(_p99, [cut.silent - cut.sent for cut in cuts.values()]),
    )


def _register(topology: Topology, source: str) -> None:
    """Let a service register whose node everybody asks for."""
    head = f"POST /service/register HTTP/1.1\r\nHost: agent\r\nContent-Length: {len(_REGISTRATION)}\r\n"
    with _connection(topology, source) as service:
        service.sendall(f"{head}Content-Type: application/json\r\n\r\n".encode() + _REGISTRATION)
        _expect_status(service, 200)


def _cut(topology: Topology, asking: subprocess.Popen[str], sender: str) -> _Cut:
    print(sender, file=asking.stdin, flush=True)
    _expect(asking, "asking")
    with _connection(topology, sender) as idle, _connection(topology, sender) as hostile:
        time.sleep(0.02)
        sent = time.time()
        hostile.sendall(_CALL)
        if idle.recv(1):
            raise RuntimeError("something came that nobody asked for")
        ended = time.time()
        _expect_status(hostile, 403)
        last = float(_line(asking))  # of the monotonic clock
    return _Cut(sent, ended, last + time.time() - time.monotonic())


def _connection(topology: Topology, source: str) -> socket.socket:
    return topology.lan.connect(Topology.ACCESS_IPV4[0], AGENT_PORT, source=source, timeout=_SECONDS)


def _expect_status(connection: socket.socket, status: int) -> None:
    answer = connection.recv(4096)
    if not answer.startswith(f"HTTP/1.1 {status} ".encode()):
        raise RuntimeError(f"an answer with status {status} was to come, not {answer[:200]!r}")


def _started(stack: ExitStack, host: Host, role: str, address: str) -> subprocess.Popen[str]:
    argv = [sys.executable, "-m", "benchmarks.dataplane.pingpong", role, address, str(_PORT), str(_PACE)]
    process = host.popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT)
    stack.callback(process.kill)
    return process


def _line(process: subprocess.Popen[str]) -> str:
    return "" if process.stdout is None else process.stdout.readline().strip()


def _expect(process: subprocess.Popen[str], word: str) -> None:
    line = _line(process)
    if line != word:
        raise RuntimeError(f"{word!r} was to come, not {line!r}: see what the process printed")


def _p99(seconds: Sequence[float]) -> float:
    return quantiles(seconds, n=100, method="inclusive")[98]


def _ms(figure: Callable[[Sequence[float]], float], seconds: Sequence[float]) -> float:
    # An answer that was late by itself may have been the last one before.
    return round(figure([max(0.0, each) for each in seconds]) * 1000, 3)


if __name__ == "__main__":
    print(msgspec.json.format(msgspec.json.encode(measure())).decode())
