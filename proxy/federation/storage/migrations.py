"""The tables of both stores, as numbered steps from an empty database to what this program needs.

Each step can be repeated: a database that does not take tables back with a transaction is left as it was when a process
is killed in between, and the next one goes on. A step that was released is never changed; a new one is added.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from proxy.federation.storage.base import StoreError


class Dialect(NamedTuple):
    """What two databases spell differently."""

    integer: str
    bytes: str
    table: str
    """What follows the definition of a table."""


SQLITE = Dialect(integer="INTEGER", bytes="BLOB", table=" STRICT")
POSTGRES = Dialect(integer="BIGINT", bytes="BYTEA", table="")

VERSION_TABLE = (
    "CREATE TABLE IF NOT EXISTS schema_version (id {integer} PRIMARY KEY, version {integer} NOT NULL){table}"
)
"""One row, with id 1: how many steps were taken. Who takes steps has it locked."""

_STEPS = (
    """
-- One row for each process that ever wrote, changed by it alone: no row that all of them wait for.
CREATE TABLE IF NOT EXISTS writers (writer TEXT PRIMARY KEY, newest {integer} NOT NULL, seen {integer} NOT NULL){table};
-- fresh is 1 while a row is as it was inserted: how a writer sees which of its rows are new.
CREATE TABLE IF NOT EXISTS contributions (
    origin TEXT NOT NULL, topic TEXT NOT NULL, epoch {integer} NOT NULL, sequence {integer} NOT NULL, body {bytes},
    fresh {integer} NOT NULL, writer TEXT NOT NULL, change {integer} NOT NULL, PRIMARY KEY (origin, topic)
){table};
CREATE INDEX IF NOT EXISTS contributions_feed ON contributions (writer, change);
CREATE TABLE IF NOT EXISTS tokens (
    digest {bytes} PRIMARY KEY, origin TEXT NOT NULL, role TEXT NOT NULL, expires {integer} NOT NULL
){table};
CREATE TABLE IF NOT EXISTS certificates (
    serial TEXT PRIMARY KEY, origin TEXT NOT NULL, role TEXT NOT NULL, not_after {integer} NOT NULL,
    revoked {integer}, writer TEXT, change {integer}
){table};
CREATE INDEX IF NOT EXISTS certificates_origin ON certificates (origin);
CREATE INDEX IF NOT EXISTS certificates_feed ON certificates (writer, change);
CREATE TABLE IF NOT EXISTS acceptances (
    digest {bytes} PRIMARY KEY, body {bytes} NOT NULL, time {integer} NOT NULL,
    writer TEXT NOT NULL, change {integer} NOT NULL
){table};
CREATE INDEX IF NOT EXISTS acceptances_feed ON acceptances (writer, change);
""",
    """
-- What was accepted, and what of it holds. told is 1 where the level above says so. homes is what votes are measured
-- by (models.exchange.votes), 0 where none carry it. Where there is neither, votes were not kept yet.
CREATE TABLE IF NOT EXISTS rulings (
    digest {bytes} PRIMARY KEY, body {bytes} NOT NULL, time {integer} NOT NULL, withdrawn {integer} NOT NULL,
    told {integer} NOT NULL, homes {integer} NOT NULL, alone {integer} NOT NULL,
    writer TEXT NOT NULL, change {integer} NOT NULL
){table};
CREATE INDEX IF NOT EXISTS rulings_feed ON rulings (writer, change);
CREATE TABLE IF NOT EXISTS votes (
    digest {bytes} NOT NULL, origin TEXT NOT NULL, witnesses {integer} NOT NULL, instances {integer} NOT NULL,
    onset {integer} NOT NULL, PRIMARY KEY (digest, origin)
){table};
CREATE INDEX IF NOT EXISTS votes_origin ON votes (origin);
INSERT INTO rulings (digest, body, time, withdrawn, told, homes, alone, writer, change)
SELECT digest, body, time, 0, 0, 0, 0, writer, change FROM acceptances WHERE TRUE ON CONFLICT (digest) DO NOTHING;
""",
)

VERSION = len(_STEPS)
"""The form that this program reads and writes."""


def steps(dialect: Dialect, version: int, place: str) -> Iterator[str]:
    """Return the statements that bring a database from a version to `VERSION`.

    Args:
        dialect: whose statements.
        version: steps that were taken already.
        place: names the database in errors.

    Raises:
        StoreError: a newer program has used it.
    """
    if version > VERSION:
        raise StoreError(
            f"{place} has form {version}, of a newer alleyes; this one knows form {VERSION}: install the newer again,"
            " or restore a backup from before the upgrade"
        )
    for step in _STEPS[version:]:
        yield from (text.strip() for text in step.format(**dialect._asdict()).split(";") if text.strip())
