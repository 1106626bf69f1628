"""The name by which a service knows an origin: under another one it would be told its own past as that of others."""

from __future__ import annotations

import sqlite3

_SERVICE = "service"
_NAME = "origin"
_FORMER = "former origin"
_SINCE = "former origin since"
REMINDED = 30 * 86_400.0
"""Seconds of real time for which a former name is told: whether it has been revoked is not known here."""


def note(database: sqlite3.Connection, service: str, origin: str, now: float) -> tuple[bool, str]:
    """Remember the present name; within a transaction of `Disk`.

    Args:
        database: `federation.db`.
        service: Whose name it is: what another service called this origin says nothing here.
        origin: The name in the certificate.
        now: Real time, s.

    Returns:
        Whether it has changed, and the name before, if that was within `REMINDED`; else empty.
    """
    if _word(database, _SERVICE) != service:
        _keep(database, _SERVICE, service)
        _keep(database, _NAME, "")
        _keep(database, _FORMER, "")
    before = _word(database, _NAME)
    if before != origin:
        _keep(database, _NAME, origin)
    if before not in {"", origin}:
        _keep(database, _FORMER, before)
        database.execute("INSERT OR REPLACE INTO number VALUES (?, ?)", (_SINCE, int(now)))
        return True, before
    since = database.execute("SELECT value FROM number WHERE name = ?", (_SINCE,)).fetchone()
    return False, _word(database, _FORMER) if since is not None and now - since[0] <= REMINDED else ""


def remedy(former: str) -> str:
    """Return what to do about a former name."""
    return (
        f"what was contributed as {former} is told to this gateway as that of others, and counts twice, until the"
        f" service's operator takes it out: alleyes federation revoke {former}"
    )


def _word(database: sqlite3.Connection, name: str) -> str:
    found = database.execute("SELECT value FROM word WHERE name = ?", (name,)).fetchone()
    return "" if found is None else str(found[0])


def _keep(database: sqlite3.Connection, name: str, value: str) -> None:
    database.execute("INSERT OR REPLACE INTO word VALUES (?, ?)", (name, value))
