"""A load and its figures: wrk on the services' host, an nginx as access point, the CPU time of who is in between."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from benchmarks.dataplane import learnt
from tests.network.namespaces import Host, Topology
from tests.site.gateway_process import AGENT_PORT

_TICKS = os.sysconf("SC_CLK_TCK")
_REQUESTS = re.compile(r"Requests/sec:\s+([\d.]+)")
_TOTAL = re.compile(r"(\d+) requests in ")
_LATENCY = re.compile(r"LATENCY ([\d.]+) ([\d.]+)")
_ERRORS = re.compile(r"Non-2xx or 3xx responses: (\d+)|Socket errors: connect (\d+), read (\d+), write (\d+)")
_SCRIPT = """
wrk.method = "{method}"
wrk.headers["Host"] = "{host}"
wrk.headers["Accept"] = "application/json"
{body}
done = function(summary, latency, requests)
  io.write(string.format("LATENCY %.1f %.1f\\n", latency:percentile(50), latency:percentile(99)))
end
"""
BODY = '{"types":["/derived/boolean","/basic/number"],"value":"1","timestamp":1520031600000,"version":7}'
"""A node as a service writes it that has read all of it before; about 100 bytes."""
_WITH_BODY = f'wrk.headers["Content-Type"] = "application/json"\nwrk.body = \'{BODY}\''
_ACCESS_POINT = """
daemon off; worker_processes 1; pid {directory}/point.pid; error_log {directory}/point-error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off; keepalive_requests 100000000; default_type application/json;
    client_body_temp_path {directory}/pb; proxy_temp_path {directory}/pp; fastcgi_temp_path {directory}/pf;
    uwsgi_temp_path {directory}/pu; scgi_temp_path {directory}/ps;
    server {{
        listen {address}{ssl};
        location / {{
            if ($request_method = PUT) {{ return 204; }}
            return 200 '{{"value":"1","type":"/derived/boolean","access":"rw","version":7,"time":1520031600}}';
        }}
    }}
}}
"""


class Load(msgspec.Struct, frozen=True):
    """What was measured of one run of wrk."""

    rps: float
    p50: float
    """Microseconds."""
    p99: float
    cpu: float | None
    """Microseconds of CPU time of the proxy's processes per request; None without a proxy."""
    rss: float | None
    """Megabytes at the end of the run, all processes together."""
    errors: int
    requests: int


@contextmanager
def access_point(topology: Topology, directory: Path, *, certificate: Path | None, key: Path | None) -> Iterator[None]:
    """Run a fast access point, with TLS where it has a certificate."""
    ssl = "" if certificate is None else f" ssl; ssl_certificate {certificate}; ssl_certificate_key {key}"
    text = _ACCESS_POINT.format(directory=directory, address=f"{Topology.ACCESS_IPV4[0]}:{AGENT_PORT}", ssl=ssl)
    (directory / "point.conf").write_text(text)
    argv = ["nginx", "-c", str(directory / "point.conf"), "-p", str(directory), "-e", str(directory / "point.log")]
    process = topology.access.popen(argv, stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=10)


def run(
    lan: Host,
    directory: Path,
    pids: Sequence[int],
    *,
    target: str,
    method: str,
    connections: int,
    seconds: int,
    kept: bool = True,
) -> Load:
    """Put `method` on the target `host:port` for some seconds, over kept connections or each over one of its own.

    Raises:
        RuntimeError: wrk told no figures.
    """
    argv = _wrk(directory, target, method, connections, seconds, kept=kept)
    before = _cpu(pids)
    told = lan.run(argv, timeout=seconds + 30).stdout
    return _read(told, _cpu(pids) - before if pids else None, pids)


def run_from(
    hosts: Sequence[Host],
    directory: Path,
    pids: Sequence[int],
    *,
    target: str,
    method: str,
    connections: int,
    seconds: int,
) -> Load:
    """Do the same from several hosts at once, over so many connections together; rates add up, latencies are means.

    Raises:
        RuntimeError: wrk told no figures.
    """
    argv = _wrk(directory, target, method, connections // len(hosts), seconds, kept=True)
    before = _cpu(pids)
    processes = [host.popen(argv, stdout=subprocess.PIPE, text=True) for host in hosts]
    told = [process.communicate(timeout=seconds + 30)[0] for process in processes]
    spent = _cpu(pids) - before
    each = [_read(text, None, pids) for text in told]
    requests = sum(one.requests for one in each)
    return Load(
        rps=sum(one.rps for one in each),
        p50=sum(one.p50 for one in each) / len(each),
        p99=sum(one.p99 for one in each) / len(each),
        cpu=1e6 * spent / requests if pids and requests else None,
        rss=_rss(pids) if pids else None,
        errors=sum(one.errors for one in each),
        requests=requests,
    )


def _wrk(directory: Path, target: str, method: str, connections: int, seconds: int, *, kept: bool) -> list[str]:
    """Return the command line that loads."""
    node = learnt.READ if method == "GET" else learnt.WRITTEN
    script = directory / f"{method}{'' if kept else '-closing'}.lua"
    lines = [_WITH_BODY if method == "PUT" else "", "" if kept else 'wrk.headers["Connection"] = "close"']
    script.write_text(_SCRIPT.format(method=method, host=target, body="\n".join(lines)))
    return ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), f"http://{target}/vsl{node}"]


def _read(told: str, spent: float | None, pids: Sequence[int]) -> Load:
    rate, total, latency = _REQUESTS.search(told), _TOTAL.search(told), _LATENCY.search(told)
    if rate is None or total is None or latency is None:
        raise RuntimeError(f"wrk told no figures: {told}")
    count = int(total[1])
    return Load(
        rps=float(rate[1]),
        p50=float(latency[1]),
        p99=float(latency[2]),
        cpu=1e6 * spent / count if spent is not None and count else None,
        rss=_rss(pids) if pids else None,
        errors=sum(int(number) for found in _ERRORS.finditer(told) for number in found.groups() if number),
        requests=count,
    )


def request(method: str, target: str) -> bytes:
    """Return the bytes of the request that wrk sends."""
    node = learnt.READ if method == "GET" else learnt.WRITTEN
    head = f"{method} /vsl{node} HTTP/1.1\r\nHost: {target}\r\nAccept: application/json\r\n"
    if method == "GET":
        return f"{head}\r\n".encode()
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n{BODY}".encode()


def _cpu(pids: Sequence[int]) -> float:
    """Return the seconds of CPU time that processes have used, threads included."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS


def _rss(pids: Sequence[int]) -> float:
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
