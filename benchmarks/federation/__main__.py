"""Measure federation services over both stores, and write `build/benchmarks/federation.json` and a table."""

from __future__ import annotations

import asyncio
import itertools
import os
import platform
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

import click
import msgspec

from benchmarks.federation import loading, parts, propagation
from benchmarks.federation.bodies import States, states
from benchmarks.federation.load import HOST, Member, Plan
from benchmarks.federation.loading import Cost
from benchmarks.federation.report import Found, Reads, Row, table
from benchmarks.federation.seeding import enrol, seed
from benchmarks.federation.services import Database, Services, bare, members, running
from benchmarks.federation.stamping import body
from benchmarks.federation.usage import memory
from proxy.clocks import real_now
from proxy.federation.messages import CONTRIBUTION
from proxy.federation.service.authority import Authority
from tests.site.postgres import postgres_server

ROOT = Path(__file__).parents[2]
OUTPUT = ROOT / "build" / "benchmarks" / "federation.json"
SQLITE, POSTGRES = "sqlite", "postgres"
SIZES = (10, 1_000, 100_000)
CONNECTIONS = 200
"""Most that load at a time; as many origins as there are, if they are fewer."""
READERS = 20
"""Origins that contribute nothing."""
ROUNDS = 12
"""Contributions that are followed to another origin."""
_SEEDED_BEFORE = 1000
"""Milliseconds by which the epoch of origins that are put into the store is older."""


class Measurements:
    """Of one store with so many processes, with more and more origins."""

    def __init__(self, database: Database, processes: int, sent: States, directory: Path, seconds: float) -> None:
        self._database = database
        self._processes = processes
        self._sent = sent
        self._directory = directory
        self._seconds = seconds
        self._epoch = int(real_now() * 1000)
        self._seeded = 0
        self._members: list[Member] = []
        self._readers: list[Member] = []
        name = quote(sent.service_type, safe="")
        self._put = f"PUT /v1/contributions/{name} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: {CONTRIBUTION}\r\n"
        self._get = f"GET /v1/models/{name} HTTP/1.1\r\nHost: {HOST}\r\n"
        self._wait = f"GET /v1/models/{name}?wait=30 HTTP/1.1\r\nHost: {HOST}\r\n"

    def at(self, origins: int, *, last: bool) -> Row:
        """Measure with so many origins; the last time the processes are killed under load."""
        connections = min(CONNECTIONS, origins)
        seeded = origins - connections
        asyncio.run(seed(self._database, self._sent, self._seeded, seeded, self._epoch - _SEEDED_BEFORE))
        self._seeded = max(self._seeded, seeded)
        begun = time.monotonic()
        with running(self._directory, self._database, self._processes) as services:
            start, resident = time.monotonic() - begun, memory(services.pids) / self._processes
            authority = services.place.authority
            self._enrol(authority, connections)
            empty, cost, ratio = self.contribute(services, connections)
            disk = self._database.size
            updated = self.updated(services)
            own, foreign, unchanged = self._reads(services)
            lost = self.lost(services) if last else None
        return Row(
            store=self._database.kind,
            processes=self._processes,
            origins=origins,
            connections=connections,
            rate=cost.rate,
            cpu_us=cost.cpu_us,
            database_us=cost.database_us,
            bare_us=empty.cpu_us,
            bare_rate=empty.rate,
            ratio=ratio,
            p50_ms=cost.load.p50,
            p99_ms=cost.load.p99,
            refused=cost.load.refused,
            lost=lost,
            own=own,
            unchanged=unchanged,
            foreign=foreign,
            updated_ms=statistics.median(updated),
            updated_most_ms=max(updated),
            start_s=start,
            memory_mb=resident / 1e6,
            disk_mb=disk / 1e6,
            handshake_us=cost.handshake_us,
            connection_kib=cost.connection_bytes / 1024,
        )

    def contribute(self, services: Services, connections: int) -> tuple[Cost, Cost, float]:
        """Have so many origins contribute, one state after the other, in turns with the bare endpoint.

        Returns:
            What the bare endpoint and the services cost, and how many times as much CPU time the services need: the
            median of the rounds, as the machine is a different one from second to second.
        """
        authority = services.place.authority
        self._enrol(authority, connections)
        rounds = max(1, round(self._seconds))
        plan = msgspec.structs.replace(
            self._plan(services, self._members, self._put, sending=True), seconds=self._seconds / rounds
        )
        with bare(authority, self._directory) as (process, port):
            plan_of_bare = msgspec.structs.replace(plan, ports=[port])
            with (
                loading.loaded(plan_of_bare, [process.pid]) as empty,
                loading.loaded(plan, services.pids) as full,
            ):
                ratios = []
                for _ in range(rounds):
                    least = empty.round(loading.nothing, loading.at_once)
                    ratios.append(full.round(lambda: self._database.spent, services.settle) / least)
        self._members = [
            msgspec.structs.replace(
                member, sequence=max(member.sequence, full.cost.load.acknowledged.get(member.name, 0))
            )
            for member in self._members
        ]
        return empty.cost, full.cost, statistics.median(ratios)

    def updated(self, services: Services) -> list[float]:
        """Return milliseconds from contributions to the sums at another origin."""
        speaker, listener = self._members[:2]
        models = self._sent.models[:ROUNDS]
        self._members[0] = msgspec.structs.replace(speaker, sequence=speaker.sequence + len(models))
        who, heads = (speaker, listener), (self._put, self._wait)
        return propagation.measure(services.place.authority.pem, services.ports, who, heads, models, self._epoch)

    def lost(self, services: Services) -> int:
        """Kill the processes under load; return how many contributions are lost that were answered with a 2xx."""
        with loading.connected(self._plan(services, self._members, self._put, sending=True)) as load:
            timer = threading.Timer(self._seconds / 2, services.kill)
            timer.start()
            found = load()
            timer.join()
        held = self._database.held(self._epoch)
        return sum(held.get(name, 0) < sequence for name, sequence in found.acknowledged.items())

    def _enrol(self, authority: Authority, connections: int) -> None:
        new = [f"member-{number}" for number in range(len(self._members), connections)]
        added = members(authority, self._directory, new)
        self._members += added
        if not self._readers:
            self._readers = members(authority, self._directory, [f"reader-{number}" for number in range(READERS)])
            added = added + self._readers
        asyncio.run(enrol(self._database, added))

    def _plan(self, services: Services, who: Sequence[Member], head: str, *, sending: bool = False) -> Plan:
        return Plan(
            ports=list(services.ports),
            authority=services.place.authority.pem,
            members=list(who),
            head=head if sending else f"{head}\r\n",
            models=self._sent.models if sending else [],
            epoch=self._epoch,
            seconds=self._seconds,
        )

    def _reads(self, services: Services) -> tuple[Reads, Reads, Reads]:
        who = self._members
        current = f"{self._get}If-None-Match: *\r\n"
        return (
            self._read(services, who, self._get),
            self._read(services, self._readers, self._get),
            self._read(services, who, current),
        )

    def _read(self, services: Services, who: Sequence[Member], head: str) -> Reads:
        plan = msgspec.structs.replace(self._plan(services, who, head), seconds=self._seconds / 2)
        many, single = (
            loading.measure(msgspec.structs.replace(plan, members=list(some)), services.pids) for some in (who, who[:1])
        )
        return Reads(
            rate=many.rate,
            cpu_us=many.cpu_us,
            p50_ms=single.load.p50,
            p99_ms=single.load.p99,
            size=single.load.largest,
        )


@contextmanager
def _databases(kinds: Sequence[str], directory: Path) -> Iterator[list[Callable[[], Database]]]:
    """Yield what makes empty databases, for each kind that there is here."""
    numbers = itertools.count(1)
    with ExitStack() as stack:
        found: list[Callable[[], Database]] = []
        if SQLITE in kinds:
            found.append(lambda: Database(SQLITE, None, str(directory / f"federation-{next(numbers)}.db")))
        if POSTGRES in kinds and not any(Path("/usr/lib/postgresql").glob("*/bin/postgres")):
            click.echo("no PostgreSQL server here: install Debian's package postgresql", err=True)
        elif POSTGRES in kinds:
            server = stack.enter_context(postgres_server(fsync=True))
            found.append(lambda: Database(POSTGRES, server, server.new_database()))
        yield found


def _cases(made: Sequence[Callable[[], Database]]) -> Iterator[tuple[Database, int]]:
    for make in made:
        database = make()
        yield database, 1
        if database.kind == POSTGRES:
            yield make(), 2


@click.command()
@click.option("--origins", multiple=True, type=int, default=SIZES, show_default=True, help="How many, rising.")
@click.option("--store", "stores", multiple=True, default=(SQLITE, POSTGRES), type=click.Choice((SQLITE, POSTGRES)))
@click.option("--seconds", default=4.0, show_default=True, help="Of each load.")
@click.option("--homes", default=3, show_default=True, help="That are simulated for what is sent.")
@click.option("--hours", default=12.0, show_default=True, help="That each is observed before.")
def main(origins: tuple[int, ...], stores: tuple[str, ...], seconds: float, homes: int, hours: float) -> None:
    """Print a table and write the JSON."""
    sent = states(homes, hours)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="alleyes-benchmark-") as name, _databases(stores, Path(name)) as made:
        spent = parts.measure(sent, [make() for make in made])
        for number, (database, processes) in enumerate(_cases(made)):
            directory = Path(name) / f"services-{number}"
            measurements = Measurements(database, processes, sent, directory, seconds)
            for count in sorted(origins):
                rows.append(measurements.at(count, last=count == max(origins)))
                click.echo(f"{database.kind} x{processes}, {count:,} origins", err=True)
    found = Found(
        machine=f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        service_type=sent.service_type,
        contribution_bytes=statistics.mean(len(body(model, int(real_now() * 1000), 1)) for model in sent.models),
        parts=spent,
        rows=rows,
    )
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2))
    click.echo(table(found))


if __name__ == "__main__":
    main()
