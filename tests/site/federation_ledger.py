"""Who contributed what and who holds what of it, from the files of a federation service and of its gateways.

The sums are made here once more from the single contributions, so that they are compared with what is in force and not
with themselves.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from models.exchange.envelope import decode_contribution, decode_others
from models.exchange.pool import Pool
from models.exchange.shared import Shared
from tests.site.demo_federation_report import InForce, Merged

MODEL = "model:"
"""What topics of models begin with."""
_LATE = 1 << 30
"""A minute after all that there is: when things were is not looked at here."""
_SHOWN = 12
"""Digits of a version that are shown."""
_NOTHING = "-"

type Bodies = dict[tuple[str, str], bytes]
"""Contributions as they were sent, by service type and origin."""


def _rows(database: Path, query: str) -> list[tuple[str, str, bytes]]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as opened:
        return opened.execute(query).fetchall()


def at_the_service(database: Path) -> Bodies:
    """Return what a service holds."""
    rows = _rows(database, "SELECT topic, origin, body FROM contributions WHERE body IS NOT NULL")
    return {(topic.removeprefix(MODEL), origin): body for topic, origin, body in rows if topic.startswith(MODEL)}


def sent(state: Path) -> dict[str, bytes]:
    """Return what a gateway contributes, by service type: the newest that it has put on its way."""
    rows = _rows(state / "federation.db", "SELECT topic, '', body FROM outgoing")
    return {topic.removeprefix(MODEL): body for topic, _, body in rows if topic.startswith(MODEL)}


def weight(service_type: str, body: bytes | None) -> int:
    """Return the instance-minutes of a contribution as it was sent; of none 0."""
    return 0 if body is None else decode_contribution(service_type, body, now_minute=_LATE).model.weight


def told(state: Path) -> dict[str, Shared]:
    """Return what is in force at a gateway of other sites, by service type."""
    rows = _rows(
        state / "federation.db",
        "SELECT version.service_type, version.name, body FROM version JOIN adopted USING (service_type, name)",
    )
    others = {name: decode_others(name, body, now_minute=_LATE) for name, _, body in rows}
    return {name: each.elsewhere for name, each in others.items() if each.elsewhere is not None}


class Ledger:
    """Looks again and again at what a global service holds, and at what is in force at gateways that are sites.

    Something new is on its way all the time. So what is in force is compared with each sum that the service has had
    since this began: with one of them it must be the same, bit by bit.
    """

    def __init__(self, database: Path, gateways: Mapping[str, tuple[str, Path]]) -> None:
        """Begin now.

        Args:
            database: Of the service.
            gateways: Origin and state directory of each, by the name of its site.
        """
        self._database = database
        self._gateways = gateways
        self._offered: dict[tuple[str, str], dict[str, Shared]] = {}
        """By service type and site, then by version."""
        self._sent: dict[tuple[str, str], set[bytes]] = {}
        self._agreed: set[str] = set()

    def look(self) -> list[Merged]:
        """Return what is held and in force of each service type at present."""
        held = at_the_service(self._database)
        own = {site: (sent(state), told(state)) for site, (_, state) in self._gateways.items()}
        return [self._of_type(service_type, held, own) for service_type in sorted({name for name, _ in held})]

    def agreed(self) -> bool:
        """Look; tell whether each service type has been found to be in force as the service had it, everywhere."""
        rows = self.look()
        self._agreed |= {row.service_type for row in rows if all(found.exact for found in row.in_force.values())}
        return {row.service_type for row in rows} <= self._agreed

    def _of_type(
        self, service_type: str, held: Bodies, own: Mapping[str, tuple[dict[str, bytes], dict[str, Shared]]]
    ) -> Merged:
        pool = Pool(service_type)
        for (name, origin), body in sorted(held.items()):
            if name == service_type:
                pool.put(origin, decode_contribution(service_type, body, now_minute=_LATE))
        in_force = {}
        for site, (bodies, heard) in own.items():
            origin, _ = self._gateways[site]
            offered = self._offered.setdefault((service_type, site), {})
            expected = pool.without(origin)
            offered[expected.version] = expected
            mine, found = bodies.get(service_type), heard.get(service_type)
            bytes_sent = self._sent.setdefault((service_type, site), set())
            if mine is not None:
                bytes_sent.add(mine)
            at_service = held.get((service_type, origin))
            in_force[site] = InForce(
                own=weight(service_type, mine),
                told=0 if found is None else found.model.weight,
                version=_NOTHING if found is None else found.version[:_SHOWN],
                settled=at_service == mine and found == (expected if expected.origins else None),
                exact=(at_service in bytes_sent if mine is not None else at_service is None)
                and (found == offered.get(found.version) if found is not None else expected.origins == 0),
            )
        origins = sorted({origin for _, origin in held})
        weights = {name: weight(service_type, held.get((service_type, name))) for name in origins}
        return Merged(service_type=service_type, contributed=weights, in_force=in_force)
