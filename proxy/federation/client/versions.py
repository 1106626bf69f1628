"""What others contributed, as the service told it: the versions that are kept on disk, and which of them is in force.

This file is the truth of what is in force. A node stores the same with its models, and goes on with that where this
file is lost; where both are there, the node is told at the start what is in force here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from models.exchange.envelope import BadContribution, decode_others
from models.exchange.shared import Others
from proxy.federation.client import thinning
from proxy.federation.client.state import AdoptedModel

MOST_BYTES = 64 * 1024 * 1024
"""Of all versions together; beyond, the oldest go that are not in force."""
_PART = 12
_MISSING = "missing:"
"""Names of numbers begin with it that say since when the service has had nothing of a type, ms of real time."""
_ANY_MINUTE = 1 << 40
"""Times were looked at when a version came."""


class UnknownVersionError(Exception):
    """There is no such version, or none that can be used; the text says so."""


class Kept(NamedTuple):
    """A version that is kept."""

    name: str
    number: int
    """In the order in which they came, over all service types."""
    received: float
    """Real time, s."""
    sites: int
    nodes: int
    weight: int
    size: int
    """Bytes."""
    in_force: bool
    pinned: bool


class Told(NamedTuple):
    """What the service said last of a service type."""

    heard: str
    """Name of the newest version."""
    listed: str
    """Version in the list of models by which it was fetched."""
    etag: str


class InForce(NamedTuple):
    """What is in force of a service type."""

    service_type: str
    name: str
    model: AdoptedModel


class Pin(NamedTuple):
    """A version that an operator holds on to."""

    name: str
    by: str
    since: float
    """Real time, s."""


def name_of(others: Others) -> str:
    """Return the name of a version, as the audit log has it: the beginnings of the hashes of who contributed."""
    parts = (("site", others.site), ("elsewhere", others.elsewhere))
    return "+".join(f"{name}:{part.version[:_PART]}" for name, part in parts if part is not None) or "nobody"


@dataclass(frozen=True)
class Versions:
    """The versions in a database, within a transaction of `Disk`."""

    database: sqlite3.Connection

    def told(self) -> dict[str, Told]:
        """Return what the service said last, by service type."""
        rows = self.database.execute("SELECT service_type, heard, listed, etag FROM adopted")
        return {service_type: Told(*rest) for service_type, *rest in rows}

    def in_force(self) -> list[InForce]:
        """Return what is in force."""
        rows = self.database.execute(
            "SELECT adopted.service_type, adopted.name, heard, received, sites, nodes, weight, pin.name IS NOT NULL"
            " FROM adopted JOIN version ON version.service_type = adopted.service_type AND version.name = adopted.name"
            " LEFT JOIN pin ON pin.service_type = adopted.service_type ORDER BY adopted.service_type"
        )
        return [
            InForce(
                service_type,
                name,
                AdoptedModel(
                    version=name,
                    received=received,
                    sites=sites,
                    nodes=nodes,
                    weight=weight,
                    pinned=bool(pinned),
                    newest=heard,
                ),
            )
            for service_type, name, heard, received, sites, nodes, weight, pinned in rows
        ]

    def take(self, service_type: str, told: Told, others: Others, body: bytes, now: float) -> bool:
        """Keep a version that was told; return whether it is in force from now on, as it is unless one is pinned.

        Args:
            service_type: Of which it is.
            told: What the service said.
            others: What is in it.
            body: Bytes of it.
            now: Real time, s.
        """
        pinned = self.pin_of(service_type)
        site, elsewhere = others.site, others.elsewhere
        weight = sum(part.model.weight for part in (site, elsewhere) if part is not None)
        counted = (elsewhere.origins if elsewhere else 0, site.origins if site else 0, weight)
        self.database.execute(
            "INSERT OR REPLACE INTO version VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (service_type, told.heard, self._next(), now, *counted, body),
        )
        name = told.heard if pinned is None else pinned.name
        self.database.execute("INSERT OR REPLACE INTO adopted VALUES (?, ?, ?, ?, ?)", (service_type, name, *told))
        self._thin(service_type)
        return pinned is None

    def unchanged(self, service_type: str, listed: str) -> None:
        """Note that another listing led to the version that was known."""
        self.database.execute("UPDATE adopted SET listed = ? WHERE service_type = ?", (listed, service_type))

    def drop(self, service_type: str) -> bool:
        """Note that there is nothing of a type any more; return whether that holds, as it does unless one is pinned."""
        if self.pin_of(service_type) is not None:
            self.database.execute(
                "UPDATE adopted SET heard = '', listed = '', etag = '' WHERE service_type = ?", (service_type,)
            )
            return False
        self.database.execute("DELETE FROM adopted WHERE service_type = ?", (service_type,))
        return True

    def missing(self, service_types: Collection[str], now: float) -> dict[str, float]:
        """Note of which types the service has nothing at real time `now` (s); return since when, of each of them."""
        rows = self.database.execute(
            "SELECT name, value FROM number WHERE substr(name, 1, ?) = ?", (len(_MISSING), _MISSING)
        ).fetchall()
        before = {name.removeprefix(_MISSING): value / 1000 for name, value in rows}
        # A clock that was set back must not make the wait longer.
        since = {name: min(before.get(name, now), now) for name in service_types}
        if since != before:
            self.database.executemany("DELETE FROM number WHERE name = ?", [(_MISSING + name,) for name in before])
            self.database.executemany(
                "INSERT INTO number VALUES (?, ?)", [(_MISSING + name, int(at * 1000)) for name, at in since.items()]
            )
        return since

    def unreadable(self, service_type: str, name: str) -> bool:
        """Forget a version that this release cannot read; the service tells the newest again.

        Returns:
            Whether it was pinned: it is no longer.
        """
        self.database.execute("DELETE FROM version WHERE service_type = ? AND name = ?", (service_type, name))
        self.database.execute("DELETE FROM adopted WHERE service_type = ?", (service_type,))
        found = self.database.execute("DELETE FROM pin WHERE service_type = ? AND name = ?", (service_type, name))
        return found.rowcount > 0

    def kept(self, service_type: str) -> list[Kept]:
        """Return the versions that are kept, the newest first."""
        adopted = self._adopted(service_type)
        pin = self.pin_of(service_type)
        rows = self.database.execute(
            "SELECT name, number, received, sites, nodes, weight, length(body) FROM version"
            " WHERE service_type = ? ORDER BY number DESC",
            (service_type,),
        )
        pinned = None if pin is None else pin.name
        return [
            Kept(name, number, received, sites, nodes, weight, size, name == adopted, name == pinned)
            for name, number, received, sites, nodes, weight, size in rows
        ]

    def types(self) -> list[str]:
        """Return the types of which there are versions."""
        rows = self.database.execute("SELECT DISTINCT service_type FROM version ORDER BY service_type")
        return [name for (name,) in rows]

    def body(self, service_type: str, name: str) -> bytes:
        """Return a version as it was told.

        Raises:
            UnknownVersionError: it is not kept.
        """
        found = self.database.execute(
            "SELECT body FROM version WHERE service_type = ? AND name = ?", (service_type, name)
        ).fetchone()
        if found is None:
            raise UnknownVersionError(f"there is no version {name} of {service_type}")
        return bytes(found[0])

    def others(self, service_type: str, name: str) -> Others:
        """Return what is in a version.

        Raises:
            UnknownVersionError: it is not kept, or this release cannot read it.
        """
        body = self.body(service_type, name)
        try:
            return decode_others(service_type, body, now_minute=_ANY_MINUTE)
        except BadContribution as error:
            raise UnknownVersionError(
                f"version {name} of {service_type} cannot be read by this release: {error}"
            ) from error

    def named(self, service_type: str, text: str) -> str:
        """Return the name of the version that is meant: by its name, or by its number (`#7`).

        Raises:
            UnknownVersionError: there is none.
        """
        kept = self.kept(service_type)
        for each in kept:
            if text in {each.name, f"#{each.number}", str(each.number)}:
                return each.name
        there = ", ".join(f"#{each.number}" for each in kept) or "none"
        raise UnknownVersionError(f"there is no version {text} of {service_type}; there are: {there}")

    def pin_of(self, service_type: str) -> Pin | None:
        """Return what is pinned of a type."""
        found = self.database.execute(
            "SELECT name, by, since FROM pin WHERE service_type = ?", (service_type,)
        ).fetchone()
        return None if found is None else Pin(*found)

    def pin(self, service_type: str, text: str, by: str, now: float) -> str:
        """Hold on to a version until it is unpinned; return its name.

        Raises:
            UnknownVersionError: there is none.
        """
        name = self.named(service_type, text)
        self.database.execute("INSERT OR REPLACE INTO pin VALUES (?, ?, ?, ?)", (service_type, name, by, now))
        if self._adopted(service_type) is None:
            self.database.execute("INSERT INTO adopted VALUES (?, ?, '', '', '')", (service_type, name))
        self.database.execute("UPDATE adopted SET name = ? WHERE service_type = ?", (name, service_type))
        return name

    def unpin(self, service_type: str) -> str | None:
        """Go on with the newest version; return its name, or None where the service has told that there is none.

        Raises:
            UnknownVersionError: nothing is pinned.
        """
        if self.pin_of(service_type) is None:
            raise UnknownVersionError(f"no version of {service_type} is pinned")
        self.database.execute("DELETE FROM pin WHERE service_type = ?", (service_type,))
        (heard,) = self.database.execute(
            "SELECT heard FROM adopted WHERE service_type = ?", (service_type,)
        ).fetchone() or ("",)
        if not heard:
            self.database.execute("DELETE FROM adopted WHERE service_type = ?", (service_type,))
            return None
        self.database.execute("UPDATE adopted SET name = heard WHERE service_type = ?", (service_type,))
        return str(heard)

    def _adopted(self, service_type: str) -> str | None:
        found = self.database.execute("SELECT name FROM adopted WHERE service_type = ?", (service_type,)).fetchone()
        return None if found is None else str(found[0])

    def _next(self) -> int:
        (number,) = self.database.execute("SELECT coalesce(max(number), 0) + 1 FROM version").fetchone()
        return int(number)

    def _thin(self, service_type: str) -> None:
        rows = self.database.execute(
            "SELECT name, received FROM version WHERE service_type = ? AND name NOT IN (SELECT name FROM pin"
            " WHERE service_type = ? UNION SELECT heard FROM adopted WHERE service_type = ?)",
            (service_type, service_type, service_type),
        ).fetchall()
        times = thinning.kept(received for _, received in rows)
        gone = [(service_type, name) for name, received in rows if received not in times]
        self.database.executemany("DELETE FROM version WHERE service_type = ? AND name = ?", gone)
        self.database.execute(
            "DELETE FROM version WHERE number IN (SELECT number FROM (SELECT number, sum(length(body)) OVER"
            " (ORDER BY number DESC) AS together FROM version) WHERE together > ?)"
            " AND (service_type, name) NOT IN (SELECT service_type, name FROM adopted UNION"
            " SELECT service_type, heard FROM adopted)",
            (MOST_BYTES,),
        )
