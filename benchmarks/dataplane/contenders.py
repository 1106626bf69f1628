"""The data planes that are compared, each as processes on the gateway's host between services and access points."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.dataplane import learnt
from benchmarks.dataplane.load import request
from tests.network.namespaces import Host, Topology
from tests.site.certificates import SiteAuthority
from tests.site.gateway_process import AGENT_PORT, READY_SECONDS, GatewayProcess, gateway_settings

PORT = 9000
UPSTREAM = f"{Topology.ACCESS_IPV4[0]}:{AGENT_PORT}"
_REDIRECT = f"""
table ip measured {{
    chain prerouting {{
        type nat hook prerouting priority dstnat;
        iifname "{Topology.IOT_INTERFACE}" tcp dport {AGENT_PORT} redirect to :{PORT}
    }}
}}
"""
_NGINX = """
daemon off; worker_processes 1; pid {directory}/nginx.pid; error_log {directory}/error.log;
{modules}
events {{ worker_connections 1024; }}
http {{
    access_log off; keepalive_requests 100000000;
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/f;
    uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
    {http}
}}
"""
_PROXYING = f"""
    upstream points {{ server {UPSTREAM}; keepalive 32; }}
    server {{
        listen {PORT}; %s
        location / {{ proxy_pass http://points; proxy_http_version 1.1; proxy_set_header Connection ""; }}
    }}
"""
_CRS = Path("/usr/share/modsecurity-crs")
_RULES = """
SecRuleEngine On
SecRequestBodyAccess On
SecAuditEngine Off
SecRule REQUEST_HEADERS:Content-Type "^application/json" \\
    "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
Include /etc/modsecurity/crs/crs-setup.conf
SecAction "id:900200,phase:1,nolog,pass,t:none,setvar:'tx.allowed_methods=GET HEAD POST OPTIONS PUT'"
SecAction "id:900220,phase:1,nolog,pass,t:none,setvar:'tx.allowed_request_content_type=|application/json|'"
Include /usr/share/modsecurity-crs/rules/*.conf
"""
_HAPROXY = f"""
global
    nbthread 1
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend services
    bind :{PORT}
    default_backend points
backend points
    http-reuse always
    server point {UPSTREAM}
"""
_NOTHING = "class Nothing:\n    def request(self, flow):\n        pass\n\n\naddons = [Nothing()]\n"


class Contender(ABC):
    """One data plane."""

    name: str

    @contextmanager
    def running(self, topology: Topology, directory: Path) -> Iterator[list[int]]:
        """Run it; its processes are the value."""
        topology.gateway.run(["nft", "flush", "ruleset"])
        topology.gateway.run(["nft", "-f", "-"], input=_REDIRECT)
        log = directory / f"{self.name}.log"
        with log.open("wb") as written:
            process = topology.gateway.popen(self.command(directory), stdout=written, stderr=written)
        try:
            _wait_until_it_listens(topology, process, log)
            yield _family(process.pid)
        finally:
            process.terminate()
            process.wait(timeout=20)
            topology.gateway.run(["nft", "flush", "ruleset"])

    @abstractmethod
    def command(self, directory: Path) -> list[str]:
        """Write its configuration; return its command line."""


class Direct(Contender):
    """No proxy at all: the gateway's host routes."""

    name = "direct"

    @contextmanager
    def running(self, topology: Topology, directory: Path) -> Iterator[list[int]]:
        """Only route."""
        del directory
        topology.gateway.run(["nft", "flush", "ruleset"])
        yield []

    def command(self, directory: Path) -> list[str]:
        """Nothing runs."""
        raise NotImplementedError(directory)


class Mitmdump(Contender):
    """mitmproxy's own program, transparent, with an addon that does nothing."""

    name = "mitmdump"

    def command(self, directory: Path) -> list[str]:
        """Return its command line."""
        (directory / "nothing.py").write_text(_NOTHING)
        program = Path(sys.executable).with_name("mitmdump")
        options = ["--mode", "transparent", "-p", str(PORT), "-q", "--set", f"confdir={directory}"]
        return [str(program), *options, "-s", str(directory / "nothing.py")]


class Nginx(Contender):
    """nginx as a reverse proxy that keeps connections."""

    name = "nginx"
    modules = ""
    inside = ""

    def command(self, directory: Path) -> list[str]:
        """Return its command line."""
        http = _PROXYING % self.inside.format(directory=directory)
        file = directory / f"{self.name}.conf"
        file.write_text(_NGINX.format(directory=directory, modules=self.modules, http=http))
        return [_found("nginx"), "-c", str(file), "-p", str(directory), "-e", str(directory / "error.log")]


class ModSecurity(Nginx):
    """nginx with ModSecurity and the OWASP Core Rule Set, blocking, without an audit log."""

    name = "modsecurity"
    modules = "load_module /usr/lib/nginx/modules/ngx_http_modsecurity_module.so;"
    inside = "modsecurity on; modsecurity_rules_file {directory}/rules.conf;"

    def command(self, directory: Path) -> list[str]:
        """Return its command line."""
        (directory / "rules.conf").write_text(_RULES)
        return super().command(directory)


class Haproxy(Contender):
    """haproxy as a reverse proxy that keeps connections."""

    name = "haproxy"

    def command(self, directory: Path) -> list[str]:
        """Return its command line."""
        (directory / "haproxy.cfg").write_text(_HAPROXY)
        return [_found("haproxy"), "-db", "-f", str(directory / "haproxy.cfg")]


class Alleyes(Contender):
    """This gateway: enforce mode, the shipped policy, every call scored and every verdict in the audit log."""

    name = "alleyes"

    def __init__(
        self,
        authority: SiteAuthority,
        policy: dict[str, object],
        *,
        tls: bool,
        workers: int = 1,
        sources: Sequence[str] = (),
    ) -> None:
        """Measure it with or without TLS on both sides, with so many workers.

        Args:
            authority: The site's.
            policy: The shipped one; it is enforced.
            tls: Whether both sides speak TLS.
            workers: How many.
            sources: Addresses of more light controllers, beside the services' host.
        """
        self._authority = authority
        self._policy = policy
        self._tls = tls
        self._sources = sources
        self.workers = workers
        self._state = Path()

    @contextmanager
    def running(self, topology: Topology, directory: Path) -> Iterator[list[int]]:
        """Run it on what it learnt before."""
        topology.gateway.run(["nft", "flush", "ruleset"])
        home = directory / ("tls" if self._tls else "plain")
        shutil.rmtree(home, ignore_errors=True)
        process = GatewayProcess(home, topology.gateway)
        settings = gateway_settings(self._authority, process.state, tls="required" if self._tls else "plain", agents=1)
        # One sender makes the load of a whole site.
        most = 1_000_000
        settings["limits"] = {"sender_packets_per_second": most, "sender_new_connections_per_second": most}
        if not self._tls:
            del settings["tls"]
        settings["workers"] = self.workers
        self._state = process.state
        source = topology.service_ipv4(0)
        services = [
            {"address": address, "service_type": name, **({"ip": source} if address == learnt.LIGHT else {})}
            for address, name in learnt.TYPES.items()
        ]
        services += [
            {"address": f"{learnt.LIGHT}-{index}", "service_type": learnt.TYPES[learnt.LIGHT], "ip": ip}
            for index, ip in enumerate(self._sources)
        ]
        process.write(settings, self._policy | {"mode": "enforce"}, {"services": services})
        process.state.mkdir(parents=True)
        (process.state / "models.bin").write_bytes(learnt.models())
        process.start(command=["-m", "benchmarks.dataplane.counted_gateway"])
        try:
            yield _family(process.pid)
        finally:
            process.stop()
            topology.gateway.run(["nft", "flush", "ruleset"])

    def worker_pids(self) -> list[int]:
        """Return the process ids of its workers, once they have told them."""
        status = self._state / "status.json"
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            beats = json.loads(status.read_bytes())["workers"] if status.exists() else []
            if beats and all(beats):
                return [int(beat["pid"]) for beat in beats]
            time.sleep(0.1)
        raise RuntimeError("the workers do not tell their process ids")

    def one_of_each_worker(self, hosts: Mapping[str, Host]) -> list[Host]:
        """Return hosts that different workers have, one for each worker; hosts are given by their address."""
        found: dict[str, Host] = {}
        for ip, host in hosts.items():
            with host.connect(Topology.ACCESS_IPV4[0], AGENT_PORT) as end:
                end.sendall(request("GET", UPSTREAM))
                end.recv(65536)
            time.sleep(0.1)
            for journal in self._state.glob("audit/worker-*/journal.jsonl"):
                if f'"ip":"{ip}"' in journal.read_text(encoding="utf-8"):
                    found.setdefault(journal.parent.name, host)
        if len(found) < self.workers:
            raise RuntimeError(
                f"{len(found)} of {self.workers} workers have any of {len(hosts)} addresses; run it again"
            )
        return list(found.values())

    def command(self, directory: Path) -> list[str]:
        """Run by `running` itself."""
        raise NotImplementedError(directory)


def _found(program: str) -> str:
    path = shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if path is None:
        raise FileNotFoundError(f"{program} is not installed; `make benchmark`, as root, installs it")
    return path


def _wait_until_it_listens(topology: Topology, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            topology.lan.connect(Topology.ACCESS_IPV4[0], AGENT_PORT).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"{process.args!r} does not listen:\n{log.read_text(errors='replace')}")


def _family(pid: int) -> list[int]:
    """Return a process and all that it started, once those are there."""
    time.sleep(0.3)
    return [pid, *_descendants(pid)]


def _descendants(pid: int) -> list[int]:
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [each for child in children for each in (child, *_descendants(child))]
