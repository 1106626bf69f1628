"""Service processes as they are deployed, the databases below them, and the members that call them."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import sqlite3
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.federation.load import HOST, Member
from benchmarks.federation.usage import cpu, descendants
from proxy.clocks import real_now
from proxy.federation.identity import Role
from proxy.federation.service.authority import Authority
from tests.proxy.federation.service.running import COMMAND, Place
from tests.site.postgres import PostgresServer

_PATIENCE = 1800.0
"""Seconds that a service may take to read what is stored."""
_SETTLED = 0.6
"""Seconds in which nothing was read from the store: longer than between two looks."""
_APPLIED = re.compile(rb"^alleyes_federation_changes_applied (\S+)$", re.MULTILINE)
_DAY = 86_400
_UNLIMITED = {"requests_per_second": 1_000_000, "burst": 1_000_000, "waiting_per_origin": 1000, "head_seconds": 60}
"""What a few members send here comes from many elsewhere: each may do as much as all of them. Who is connected waits
for the others."""
_HELD = "SELECT origin, sequence FROM contributions WHERE epoch = "


class Database(msgspec.Struct, frozen=True):
    """Below the services."""

    kind: str
    """`sqlite` or `postgres`."""
    server: PostgresServer | None
    where: str
    """The file, or how to connect."""

    @property
    def settings(self) -> dict[str, Any]:
        """What `federation.yaml` says of it."""
        return {"sqlite": self.where} if self.server is None else {"postgres": {"dsn": self.where}}

    @property
    def spent(self) -> float:
        """Seconds of CPU time that a server has used."""
        return 0.0 if self.server is None else cpu(descendants(self.server.pid))

    @property
    def size(self) -> int:
        """Bytes on disk."""
        if self.server is None:
            files = [Path(self.where + end) for end in ("", "-wal")]
            return sum(file.stat().st_size for file in files if file.exists())
        with psycopg.connect(self.where) as connection:
            row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        return int(row[0]) if row is not None else 0

    def held(self, epoch: int) -> dict[str, int]:
        """Return what is stored of an epoch: sequences by origin."""
        if self.server is None:
            with contextlib.closing(sqlite3.connect(self.where)) as database:
                return dict(database.execute(f"{_HELD}?", (epoch,)).fetchall())
        with psycopg.connect(self.where) as connection:
            return dict(connection.execute(f"{_HELD}%s", (epoch,)).fetchall())


class Services(msgspec.Struct, frozen=True):
    """One or more processes over one database."""

    place: Place
    processes: list[subprocess.Popen[bytes]]
    ports: list[int]

    @property
    def pids(self) -> list[int]:
        """Their ids."""
        return [process.pid for process in self.processes]

    def settle(self) -> None:
        """Wait until all that was stored is in the sums of all of them."""
        before: list[bytes] = []
        while (applied := [_applied(self.place.trusting(), port) for port in self.ports]) != before:
            before = applied
            time.sleep(_SETTLED)

    def kill(self) -> None:
        """End them as a crash does."""
        for process in self.processes:
            process.send_signal(signal.SIGKILL)
            process.wait()


@contextmanager
def running(directory: Path, database: Database, processes: int) -> Iterator[Services]:
    """Run services until their sums are complete, and then until the end of the block.

    Raises:
        RuntimeError: one does not start.
    """
    settings = {"storage": database.settings, "limits": _UNLIMITED}
    places = [Place(directory, settings) for _ in range(processes)]
    authority = places[0].authority  # made before the processes would, all at once
    del authority
    started: list[subprocess.Popen[bytes]] = []
    try:
        for place in places:
            config = directory / f"federation-{place.port}.yaml"
            document = yaml.safe_load(place.config.read_text(encoding="utf-8"))
            document["listen"]["port"] = place.port
            config.write_text(yaml.safe_dump(document), encoding="utf-8")
            command = [sys.executable, "-P", "-c", COMMAND, "--config", str(config)]
            environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
            with (directory / "log").open("ab") as log:
                started.append(subprocess.Popen(command, env=environment, stderr=log))  # noqa: S603, ours
        services = Services(places[0], started, [place.port for place in places])
        for process, port in zip(started, services.ports, strict=True):
            _wait_until_ready(services.place.trusting(), process, port, directory / "log")
        yield services
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()


@contextmanager
def bare(authority: Authority, directory: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run a server that does nothing; yield it with its port."""
    issued, key = authority.issue_server([HOST], real_now(), _DAY)
    certificate, trusted = directory / "bare.pem", directory / "authority.pem"
    certificate.write_bytes(issued.pem.encode() + authority.pem.encode() + key)
    trusted.write_text(authority.pem, encoding="ascii")
    command = [sys.executable, "-m", "benchmarks.federation.bare", str(certificate), str(trusted)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # noqa: S603, ours
        assert process.stdout is not None  # noqa: S101 -- so with a pipe
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def members(authority: Authority, directory: Path, names: Sequence[str]) -> list[Member]:
    """Issue certificates. They are not on record in the store yet."""
    return [Member(name, str(_certified(authority, directory, name)), 0) for name in names]


def _certified(authority: Authority, directory: Path, name: str) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    pem = request.public_bytes(serialization.Encoding.PEM).decode()
    issued = authority.issue(pem, name, Role.ORIGIN, real_now(), _DAY)
    form, nothing = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file = directory / f"{name}.pem"
    file.write_bytes(issued.pem.encode() + key.private_bytes(serialization.Encoding.PEM, form, nothing))
    return file


def _wait_until_ready(tls: ssl.SSLContext, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            if _ask(tls, port, "/readyz")[0] == http.HTTPStatus.OK:
                return
        time.sleep(0.1)
    raise RuntimeError(f"the service does not get ready: {log.read_text(encoding='utf-8')[-2000:]}")


def _applied(tls: ssl.SSLContext, port: int) -> bytes:
    found = _APPLIED.search(_ask(tls, port, "/metrics")[1])
    return b"" if found is None else found[1]


def _ask(tls: ssl.SSLContext, port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPSConnection(HOST, port, context=tls, timeout=60)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
