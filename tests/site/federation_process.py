"""The real federation service as a process on a host of its own, with its configuration written for the test."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.network.namespaces import Host
from tests.site.clock import Clock

PORT = 8470
READY_SECONDS = 150.0
ALLEYES = str(Path(sys.executable).with_name("alleyes"))


@dataclass
class FederationProcess:
    """One service, role global: its files in `directory`, its process on `host`, at `address`."""

    directory: Path
    host: Host
    address: str
    clock: Clock | None = None
    """Event time; None: that of the wall, and of `alleyes federate`."""
    process: subprocess.Popen[bytes] | None = None
    _log: Path = field(init=False)

    def __post_init__(self) -> None:
        """Keep the operational log beside the configuration."""
        self._log = self.directory / "federation.log"

    @property
    def config(self) -> Path:
        """Path of federation.yaml."""
        return self.directory / "federation.yaml"

    @property
    def database(self) -> Path:
        """What it holds."""
        return self.directory / "state" / "federation.db"

    @property
    def url(self) -> str:
        """Where origins reach it."""
        return f"https://{self.address}:{PORT}"

    def write(self, **settings: Any) -> None:
        """Write the configuration; `settings` in addition."""
        self.directory.mkdir(parents=True, exist_ok=True)
        content = {
            "role": "global",
            "names": [self.address],
            "listen": {"address": self.address, "port": PORT},
            "state_directory": str(self.directory / "state"),
        }
        self.config.write_text(yaml.safe_dump(content | settings), encoding="utf-8")

    def start(self) -> None:
        """Start the process and wait until it listens.

        Raises:
            RuntimeError: it ended instead, with what it printed.
        """
        with self._log.open("ab") as log:
            self.process = self.host.popen(self._command(), stdout=log, stderr=log)
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            if self._listens():
                return
            time.sleep(0.05)
        raise RuntimeError(f"the federation service did not come up:\n{self.log()}")

    def _command(self) -> list[str]:
        config = ["--config", str(self.config)]
        if self.clock is None:
            return [ALLEYES, "federate", *config]
        clock = {"scale": self.clock.scale, "start": self.clock.start, "since": self.clock.began}
        options = [f"--{name}={value}" for name, value in clock.items()]
        return [sys.executable, "-m", "tests.site.scaled_federation", *config, *options]

    def _listens(self) -> bool:
        with self.host.socket(socket.AF_INET) as probe:
            return probe.connect_ex((self.address, PORT)) == 0

    def log(self) -> str:
        """Return what the process printed."""
        return self._log.read_text(encoding="utf-8") if self._log.exists() else ""

    def invite(self, origin: str) -> str:
        """Return a one-time token for an origin, made on the service's machine as its operator does."""
        return self.host.run([ALLEYES, "federation", "invite", origin, "--config", str(self.config)]).stdout.strip()

    def stop(self) -> int:
        """End it with SIGTERM; return its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self._ended()

    def kill(self) -> int:
        """End it with SIGKILL."""
        assert self.process is not None
        self.process.kill()
        return self._ended()

    def _ended(self) -> int:
        assert self.process is not None
        code = self.process.wait(timeout=60)
        self.process = None
        return code
