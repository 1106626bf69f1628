"""Who contributed what and who holds what of it, from the files of a federation service and of its gateways.

The sums are made here once more from the single contributions, so that they are compared with what is in force and not
with themselves.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path

from models.contributions import Contribution
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


def ledger(database: Path, gateways: Mapping[str, tuple[str, Path]]) -> list[Merged]:
    """Compare what a global service holds with what is in force at gateways that are sites of their own.

    Args:
        database: Of the service.
        gateways: Origin and state directory of each, by the name of its site.
    """
    held = at_the_service(database)
    own = {site: (origin, sent(state), told(state)) for site, (origin, state) in gateways.items()}
    return [_of_type(service_type, held, own) for service_type in sorted({name for name, _ in held})]


class Agreement:
    """Looks again and again until service and gateways agree, of each service type at some moment.

    Every minute something new is on its way, so of all types together they may never do.
    """

    def __init__(self, look: Callable[[], Iterable[Merged]]) -> None:
        """Nothing was seen yet; `look` returns the present `ledger`."""
        self._look = look
        self._rows: dict[str, Merged] = {}
        self._agreed: set[str] = set()

    def reached(self) -> bool:
        """Look; tell whether each type that the service has was found as it should be."""
        for row in self._look():
            if row.service_type not in self._agreed:
                self._rows[row.service_type] = row
                if not any(row.failures()):
                    self._agreed.add(row.service_type)
        return self._rows.keys() <= self._agreed

    @property
    def rows(self) -> list[Merged]:
        """Each type as it was found to be right, else as it was seen last."""
        return [self._rows[name] for name in sorted(self._rows)]


def _of_type(
    service_type: str, held: Bodies, own: Mapping[str, tuple[str, dict[str, bytes], dict[str, Shared]]]
) -> Merged:
    contributions: dict[str, Contribution] = {
        origin: decode_contribution(service_type, body, now_minute=_LATE)
        for (name, origin), body in sorted(held.items())
        if name == service_type
    }
    pool = Pool(service_type)
    for origin, contribution in contributions.items():
        pool.put(origin, contribution)
    in_force = {}
    for site, (origin, bodies, heard) in own.items():
        mine = bodies.get(service_type)
        expected = pool.without(origin)
        found = heard.get(service_type)
        in_force[site] = InForce(
            minutes=weight(service_type, mine) + (0 if found is None else found.model.weight),
            version=_NOTHING if found is None else found.version[:_SHOWN],
            offered=expected.version[:_SHOWN] if expected.origins else _NOTHING,
            exact=held.get((service_type, origin)) == mine and (found == expected or not expected.origins),
        )
    weights = {origin: each.model.weight for origin, each in contributions.items()}
    return Merged(service_type=service_type, contributed=weights, in_force=in_force)
