"""A real PostgreSQL of Debian's package, with a data directory and a socket of its own."""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

_START = 60.0
"""Seconds that a server may take to start, also after a crash on a busy machine."""


class PostgresServer:
    """One server. It listens on a Unix socket only, and is stopped by its process id."""

    def __init__(self, binaries: Path, directory: Path, user: int | None, *, fsync: bool) -> None:
        self._binaries = binaries
        self._directory = directory
        self._user = user
        self._group = None if user is None else pwd.getpwuid(user).pw_gid
        self._groups: list[int] | None = None if user is None else []
        self._fsync = fsync
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)

    @property
    def pid(self) -> int:
        """Of the server's first process, whose children are the others."""
        assert self._process is not None, "the server is not running"
        return self._process.pid

    def make(self) -> None:
        """Make the data directory."""
        command = ["initdb", "--no-sync", "--auth=trust", "--username=alleyes", "--encoding=UTF8", "--no-locale"]
        arguments = [str(self._binaries / command[0]), *command[1:], "--pgdata", str(self._directory / "data")]
        made = subprocess.run(
            arguments,
            capture_output=True,
            text=True,
            check=False,
            cwd=self._directory,
            user=self._user,
            group=self._group,
            extra_groups=self._groups,
        )
        assert made.returncode == 0, made.stdout + made.stderr

    def start(self) -> None:
        """Start the server and wait until it answers."""
        deadline = time.monotonic() + _START
        while not self._start_once(deadline):
            # What a killed server shared with its children is in use until the last of them has ended.
            assert time.monotonic() < deadline, (self._directory / "log").read_text()
            time.sleep(0.1)

    def stop(self) -> None:
        """End the server, and who is connected. What it has not yet put into its tables does not matter any more."""
        self._signal(signal.SIGQUIT)

    def kill(self) -> None:
        """End it as a crash does: without a chance to write anything."""
        self._signal(signal.SIGKILL)

    def new_database(self) -> str:
        """Make an empty database; return how to connect to it."""
        name = f"test{next(self._numbers)}"
        with psycopg.connect(self.conninfo("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        return self.conninfo(name)

    def conninfo(self, database: str) -> str:
        """Return how to connect to a database."""
        return f"host={self._directory} user=alleyes dbname={database}"

    def _start_once(self, deadline: float) -> bool:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._directory),
            "max_connections": "60",
            "shared_buffers": "16MB",
            "fsync": "on" if self._fsync else "off",
            "full_page_writes": "on" if self._fsync else "off",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self._directory / "log").open("ab") as log:
            self._process = process = subprocess.Popen(
                [str(self._binaries / "postgres"), "-D", str(self._directory / "data"), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._directory,
                user=self._user,
                group=self._group,
                extra_groups=self._groups,
            )
        while process.poll() is None:
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(self.conninfo("postgres")).close()
                return True
            assert time.monotonic() < deadline, (self._directory / "log").read_text()
            time.sleep(0.05)
        return False

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(60)
            self._process = None


@contextlib.contextmanager
def postgres_server(*, fsync: bool = False) -> Iterator[PostgresServer]:
    """Start a server; skip the test where that cannot be done.

    Args:
        fsync: whether commits reach the disk, for tests of crashes.
    """
    binaries = _binaries()
    user = _another_user() if os.geteuid() == 0 else None
    # Not below the test's own directory: a socket's path has at most 107 characters.
    directory = Path(tempfile.mkdtemp(prefix="alleyes-pg-"))
    directory.chmod(0o711)  # programs that gave up root's rights reach the socket as well
    try:
        if user is not None:
            os.chown(directory, user, pwd.getpwuid(user).pw_gid)
        server = PostgresServer(binaries, directory, user, fsync=fsync)
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def dump(conninfo: str) -> bytes:
    """Return a backup of a database, as its operator makes one."""
    return _run("pg_dump", conninfo).stdout


def restore(conninfo: str, backup: bytes) -> None:
    """Put a backup in the place of a database, whoever is connected."""
    name = conninfo_to_dict(conninfo)["dbname"]
    with psycopg.connect(make_conninfo(conninfo, dbname="postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    _run("psql", "--quiet", "--no-psqlrc", "--single-transaction", "--set=ON_ERROR_STOP=1", conninfo, given=backup)


def _run(program: str, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run([_binaries() / program, *arguments], input=given, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done


def _binaries() -> Path:
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    if not found:
        pytest.skip("no PostgreSQL server here: install Debian's package postgresql")
    return max(found, key=lambda path: int(path.parent.name))


def _another_user() -> int:
    """PostgreSQL refuses to run as root."""
    if Path("/proc/self/uid_map").read_text(encoding="ascii").split()[2] == "1":
        pytest.skip("PostgreSQL does not run as root, and nobody here can become another user")
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_uid
    pytest.skip("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")
