"""The real gateway as a process on the gateway's host, with its configuration written for the test."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from models.analyzer import Analyzer
from models.communication_model import CommunicationModel
from tests.network.namespaces import Host, Topology
from tests.site.certificates import SiteAuthority
from tests.site.processes import children, gone
from tests.waiting import PATIENCE

FIRST_LISTEN_PORT = 9101
AGENT_PORT = 8081
READY_SECONDS = 150.0

type Settings = dict[str, Any]


@dataclass
class GatewayProcess:
    """One gateway: its files in `directory`, its process on `host`."""

    directory: Path
    host: Host
    scale: float = 1.0
    start_time: int = 1_520_031_600_000
    since: float | None = None
    """Reading of the monotonic clock at which event time was `start_time`; None: when the process starts."""
    told: Path | None = None
    """File of a `ToldClock`, by which event time goes then."""
    inside: Sequence[str] = ()
    """Program and arguments that become the gateway's."""
    process: subprocess.Popen[bytes] | None = None
    _log: Path = field(init=False)

    def __post_init__(self) -> None:
        """Keep the operational log beside the configuration."""
        self._log = self.directory / "gateway.log"

    @property
    def config(self) -> Path:
        """Path of gateway.yaml."""
        return self.directory / "gateway.yaml"

    @property
    def state(self) -> Path:
        """The state directory."""
        return self.directory / "state"

    @property
    def pid(self) -> int:
        """Id of the running process."""
        assert self.process is not None
        return self.process.pid

    @property
    def audit(self) -> Path:
        """The audit log: the supervisor's chain, and beside it those of the workers."""
        return self.state / "audit"

    @property
    def journal(self) -> Path:
        """The chain of the first worker."""
        return self.audit / "worker-0" / "journal.jsonl"

    def write(self, gateway: Settings, policy: Settings, inventory: Settings | None = None) -> None:
        """Write the three configuration files."""
        self.directory.mkdir(parents=True, exist_ok=True)
        for name, content in (("gateway", gateway), ("policy", policy), ("inventory", inventory or {"services": []})):
            (self.directory / f"{name}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")

    def start(self, *, wait: bool = True, command: Sequence[str] = ()) -> None:
        """Start the process and wait until it serves.

        Raises:
            RuntimeError: it ended instead, with what it printed.
        """
        scaled = ["-m", "tests.site.scaled_gateway", "--start", str(self.start_time), "--scale", str(self.scale)]
        if self.since is not None:
            scaled += ["--since", str(self.since)]
        if self.told is not None:
            scaled += ["--told", str(self.told)]
        argv = [*self.inside, sys.executable, *(command or scaled), "--config", str(self.config)]
        with self._log.open("ab") as log:
            self.process = self.host.popen(argv, stdout=log, stderr=log)
        if wait:
            self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + READY_SECONDS
        status = self.state / "status.json"
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            if status.exists() and json.loads(status.read_bytes())["pid"] == self.process.pid:
                return
            time.sleep(0.02)
        raise RuntimeError(f"the gateway did not come up:\n{self.log()}")

    def log(self) -> str:
        """Return what the process printed."""
        return self._log.read_text(encoding="utf-8") if self._log.exists() else ""

    def replace_policy(self, policy: Settings) -> None:
        """Write another policy and have it read; returns when it is in force, or refused."""
        assert self.process is not None
        before = sum(1 for record in self.records() if record["kind"] == "policy-reload")
        (self.directory / "policy.yaml").write_text(yaml.safe_dump(policy), encoding="utf-8")
        self.process.send_signal(signal.SIGHUP)
        self.wait_for(lambda: sum(1 for r in self.records() if r["kind"] == "policy-reload") > before)

    def wait_for(self, condition: Any, seconds: float = PATIENCE) -> None:
        """Wait until a condition holds.

        Raises:
            TimeoutError: it does not, with what the gateway printed.
        """
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(self.log())
            time.sleep(0.02)

    def records(self) -> list[Mapping[str, Any]]:
        """Return the audit log's whole records, oldest first."""
        found = []
        for journal in sorted(self.audit.glob("**/journal.jsonl")):
            # Not `str.splitlines`: a value of a service may hold other ends of lines than these.
            whole, _, _ = journal.read_bytes().rpartition(b"\n")
            found += [json.loads(line) for line in whole.split(b"\n") if line]
        return sorted(found, key=lambda record: str(record["time"]))

    def models(self) -> Mapping[str, CommunicationModel]:
        """Return the models that the gateway has stored, by service type."""
        return Analyzer.load((self.state / "models.bin").read_bytes()).models()

    def verdicts(self) -> list[Mapping[str, Any]]:
        """Return the verdicts of the audit log, oldest first."""
        return [record for record in self.records() if record["kind"] == "verdict"]

    def stop(self) -> int:
        """End it with SIGTERM; return its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """End it with SIGKILL."""
        return self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> int:
        """Send the signal; return the exit code once its workers are gone too, for which the kernel takes its time."""
        assert self.process is not None
        workers = []
        if self.process.poll() is None:
            workers = children(self.process.pid, "--channel")
            self.process.send_signal(number)
        code = self.process.wait(timeout=PATIENCE)
        self.process = None
        gone(*workers)
        return code

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run it for the length of the block."""
        self.start()
        try:
            yield
        finally:
            if self.process is not None:
                self.stop()


def gateway_settings(authority: SiteAuthority, state: Path, *, tls: str = "required", agents: int = 2) -> Settings:
    """Return gateway.yaml for the topology of `tests.network.namespaces`, with a KA certificate of `authority`."""
    credentials = authority.agent("gateway")
    pair = {"certificate": str(credentials.certificate), "key": str(credentials.key)}
    return {
        "interfaces": {"services": [Topology.IOT_INTERFACE], "access_points": [Topology.ACCESS_INTERFACE]},
        "listen": {"ipv4": Topology.GATEWAY_IPV4, "ipv6": Topology.GATEWAY_IPV6},
        "access_points": [
            {
                "agent": f"agent{index + 1}",
                "ipv4": Topology.ACCESS_IPV4[index],
                "ipv6": Topology.ACCESS_IPV6[index],
                "port": AGENT_PORT,
                "listen_port": FIRST_LISTEN_PORT + index,
                "tls": tls,
            }
            for index in range(agents)
        ],
        "tls": {
            "site_ca": str(authority.certificate),
            "towards_services": pair,
            "towards_access_points": dict(pair),
        },
        "state_directory": str(state),
    }
