"""Puts origins into a store as if they had contributed: to enrol and connect 100,000 of them would take an hour.

What is stored is what the service would have stored of them, and services read it as they read what others stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cryptography import x509

from benchmarks.federation.bodies import States
from benchmarks.federation.load import Member
from benchmarks.federation.services import Database
from benchmarks.federation.stamping import body
from proxy.clocks import real_now
from proxy.federation.storage.base import MAX_ROWS, Certificate, Row, Store, Token
from proxy.federation.storage.postgres import PostgresStore
from proxy.federation.storage.sqlite import SqliteStore
from proxy.federation.topics import model_topic

_TOKEN_MS = 60_000


def store_of(database: Database) -> Store:
    """Return a store that is not open."""
    return SqliteStore(Path(database.where)) if database.server is None else PostgresStore(database.where)


async def seed(database: Database, states: States, first: int, last: int, epoch: int) -> None:
    """Store a contribution of each of the origins with numbers from `first` up to `last`, that one not.

    Raises:
        StoreError: it cannot be done.
    """
    store = store_of(database)
    await store.open()
    try:
        for begin in range(first, last, MAX_ROWS):
            numbers = range(begin, min(begin + MAX_ROWS, last))
            await store.put([_row(states, number, epoch) for number in numbers])
    finally:
        await store.close()


async def enrol(database: Database, members: Sequence[Member]) -> None:
    """Put the certificates of members on record, as services let in no others.

    Raises:
        StoreError: it cannot be done.
    """
    store = store_of(database)
    await store.open()
    try:
        for certificate in map(_certificate_of, members):
            now, digest = int(real_now() * 1000), certificate.serial.encode()
            await store.add_token(Token(digest, certificate.origin, "origin", now + _TOKEN_MS), now)
            await store.enrol(digest, certificate, now)
    finally:
        await store.close()


def _certificate_of(member: Member) -> Certificate:
    found = x509.load_pem_x509_certificate(Path(member.certificate).read_bytes())
    until = int(found.not_valid_after_utc.timestamp()) * 1000
    return Certificate(f"{found.serial_number:x}", member.name, "origin", until)


def _row(states: States, number: int, epoch: int) -> Row:
    model = states.models[number % len(states.models)]
    return Row(f"seeded-{number}", model_topic(states.service_type), epoch, 1, body(model, epoch, 1))
