"""What every store of a federation service offers, and what it holds (docs/adr/0021-contribution-stores.md).

Times are real time in ms since 1970, where nothing else is said.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import NamedTuple, Protocol, Self

import msgspec

from models.candidates import Candidate
from models.exchange.envelope import MAX_STAMP
from models.exchange.showings import Acceptance
from models.exchange.votes import Vouched
from proxy.federation.identity import NAME, RoleName

LAST = MAX_STAMP
"""The greatest epoch and sequence: what was taken out has it."""
MAX_BODY = 1 << 20
"""Bytes of one contribution."""
MAX_ROWS = 512
"""Rows that one call of `put` may bring, and candidates that one call of `accept` or `hear` may."""
MAX_TOPICS = 1024
"""Topics that one origin may have."""
MAX_TOPIC = 512
"""Characters of a topic."""
MAX_TOKENS = 10_000
"""Invitations that wait to be used; beyond, a new one is refused."""
MAX_ACCEPTANCES = 16_384
"""Acceptances that are kept, and as many of those that were withdrawn; those that were accepted first go."""
MAX_CURSOR = 8192
"""Characters of a cursor as text."""


class StoreError(Exception):
    """The store cannot do it now; the text names the place and the remedy. Nothing was done by halves."""


class StoreBusyError(StoreError):
    """More waits to be written than there is room for: to be tried again in a second or two."""


class Row(msgspec.Struct, frozen=True):
    """One origin's newest state of a topic."""

    origin: str
    topic: str
    """`model:<service type>`, or `showings`."""
    epoch: int
    sequence: int
    body: bytes | None
    """None: taken out. Its stamp is then the last of the epoch, so that nothing of that epoch comes back."""

    @property
    def stamp(self) -> tuple[int, int]:
        """What a newer state has more of."""
        return self.epoch, self.sequence


class Held(msgspec.Struct, frozen=True):
    """What the store holds of a topic after a `put`."""

    stored: bool
    """False with the stamp that was put: it is known already. False with a newer one: what was put is stale."""
    epoch: int
    sequence: int
    full: bool = False
    """Not stored, because the origin has `MAX_TOPICS` topics and this would be a new one."""


class Cursor(msgspec.Struct, frozen=True):
    """How far a feed was read: for each writer its newest change. Without any: from the beginning."""

    read: dict[str, int] = {}

    def lost(self, before: Cursor) -> bool:
        """Tell whether the database has less than when `before` was read: as one that was restored from a backup.

        So it looks as well when writers were cleared away that had nothing left.
        """
        return any(self.read.get(writer, 0) < number for writer, number in before.read.items())

    def text(self) -> str:
        """Return it as text that fits in a URL."""
        return base64.urlsafe_b64encode(msgspec.msgpack.encode(self.read)).decode("ascii").rstrip("=")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `text` returned.

        Raises:
            ValueError: it is something else.
        """
        if len(text) > MAX_CURSOR:
            raise ValueError(f"a cursor has at most {MAX_CURSOR} characters, not {len(text)}")
        try:
            data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            return cls(msgspec.msgpack.decode(data, type=dict[str, int]))
        except ValueError as error:  # of base64, of UTF-8 and of msgspec
            raise ValueError(f"not a cursor: {error}") from error


class Token(msgspec.Struct, frozen=True):
    """An invitation: who has it may enrol one origin, once."""

    digest: bytes
    """Hash of the secret; the secret itself is nowhere."""
    origin: str
    role: RoleName
    expires: int


class Certificate(msgspec.Struct, frozen=True):
    """A certificate that the service's authority issued."""

    serial: str
    """Hexadecimal."""
    origin: str
    role: RoleName
    not_after: int


class Revocation(msgspec.Struct, frozen=True):
    """A certificate that is no longer taken."""

    serial: str
    origin: str
    not_after: int
    revoked: int


class Revoked(NamedTuple):
    """What an origin has lost."""

    certificates: int
    """That were not revoked yet."""
    invitations: int
    """That waited to be used, or had expired."""


class Origin(msgspec.Struct, frozen=True):
    """What an operator wants to know of an origin."""

    name: str
    role: RoleName
    certificates: int
    """How many of its certificates are on record and not revoked."""
    not_after: int | None
    """Until when the last of those is valid."""
    revoked: int | None
    """When one of its certificates was last revoked."""
    topics: int
    """How many topics it contributes to, those that were taken out apart."""


class Ruling(msgspec.Struct, frozen=True):
    """What holds of a candidate that was accepted."""

    candidate: Candidate
    time: int
    """Event time, ms, of the acceptance."""
    withdrawn: bool = False
    """Whether it is accepted no more: whoever vouched for it was taken out, or the level above took it back."""


class Store(Protocol):
    """A store. All methods may raise `StoreError`, and may be called by many tasks of one event loop at once.

    `changes`, `revocations` and `rulings` are feeds: called again and again with the cursor that the call before
    returned, they miss nothing and tell the newest state only. A row may come twice. Fewer rows than `limit` do not
    mean the end; none does.
    """

    async def open(self) -> None:
        """Connect, and bring the tables to the form of this program."""

    async def close(self) -> None:
        """Write what waits, and let go of everything."""

    async def ready(self) -> None:
        """Raise StoreError if the store could neither read nor write now."""

    async def put(self, rows: Sequence[Row]) -> list[Held]:
        """Store states that are newer than what is held, all or, with an error, none; they are durable on return.

        What concurrent callers put is one transaction, and a caller that gives up takes nothing back. To take something
        out there is `remove`.

        Raises:
            ValueError: more than `MAX_ROWS`, or a row that cannot be stored.
            StoreBusyError: try again a little later.
        """

    async def remove(self, origin: str) -> int:
        """Take out all that an origin contributed, and return how many topics that were.

        Its votes go as well, and with them each acceptance that those of the others do not carry and no level above
        gave. Of what a store of before accepted nobody knows who vouched: that is withdrawn with the first origin.

        The feeds tell it, `changes` as rows without body. What the origin sends later is stale unless it begins a new
        epoch. A process that may still have been taking in contributions of this origin calls this again once it knows
        better.
        """

    async def changes(self, cursor: Cursor, limit: int) -> tuple[list[Row], Cursor]:
        """Return contributions that were stored or taken out since, about `limit`, and how far that was."""

    async def add_token(self, token: Token, now: int) -> None:
        """Keep an invitation; those that have expired go.

        Raises:
            StoreError: there are `MAX_TOKENS` already.
        """

    async def token(self, digest: bytes, now: int) -> Token | None:
        """Return an invitation that has not expired. It is not used up."""

    async def enrol(self, digest: bytes, certificate: Certificate, now: int) -> bool:
        """Use up an invitation and put the certificate on record; return whether there was one that has not expired.

        Only one caller ever uses it. Certificates of the same origin that have expired go. Either `revoke` was first,
        and there is no invitation any more, or it finds the certificate.
        """

    async def counts(self, serial: str) -> bool:
        """Return whether a certificate is on record and not revoked."""

    async def renew(self, serial: str, certificate: Certificate, now: int) -> bool:
        """Put on record what follows a certificate of the same origin; return whether that one counts.

        Where it is revoked, or not on record, nothing is done. Either `revoke` was first, and nothing is renewed, or it
        finds what was renewed.
        """

    async def revoke(self, origin: str, now: int) -> Revoked:
        """Revoke all certificates of an origin that are not yet, and take its invitations."""

    async def revocations(self, cursor: Cursor, limit: int) -> tuple[list[Revocation], Cursor]:
        """Return what was revoked since."""

    async def origins(self, after: str, limit: int) -> list[Origin]:
        """Return whoever has a certificate on record, by name, from the first one behind a name on."""

    async def accept(self, vouched: Sequence[Vouched]) -> list[bool]:
        """Keep what was accepted here and who vouched for it; return of each whether it holds.

        Votes of origins that show nothing any more, as they were taken out meanwhile, do not count; it does not hold
        where the others are not enough. Of what holds already the first time stays, and all votes count.

        Raises:
            ValueError: more than `MAX_ROWS`.
        """

    async def hear(self, accepted: Sequence[Acceptance], withdrawn: Sequence[Candidate]) -> None:
        """Keep what the level above accepted, and what it took back: that holds only where it was accepted here too.

        Raises:
            ValueError: more than `MAX_ROWS`.
        """

    async def rulings(self, cursor: Cursor, limit: int) -> tuple[list[Ruling], Cursor]:
        """Return what was accepted or withdrawn since."""


def check_rows(rows: Sequence[Row]) -> None:
    """Refuse what would make a whole transaction fail, with the rows of others in it.

    Raises:
        ValueError: more than `MAX_ROWS`, or a row that cannot be stored; the text says which and why.
    """
    if len(rows) > MAX_ROWS:
        raise ValueError(f"{len(rows)} rows in one call: at most {MAX_ROWS}")
    for row in rows:
        problem = _problem_of(row)
        if problem:
            raise ValueError(f"{row.topic[:MAX_TOPIC]!r} of {row.origin[:64]!r}: {problem}")


def _problem_of(row: Row) -> str | None:
    if not NAME.fullmatch(row.origin):
        return f"an origin is called {NAME.pattern}"
    if not 0 < len(row.topic) <= MAX_TOPIC or not row.topic.isprintable():
        return f"a topic has up to {MAX_TOPIC} printable characters"
    if not 0 <= row.epoch <= LAST or not 0 <= row.sequence < LAST:
        return f"epoch and sequence are from 0 to {LAST}"
    if row.body is None or len(row.body) > MAX_BODY:
        return f"a body has up to {MAX_BODY} bytes; to take one out there is remove"
    return None
