"""What signed statements say about the chains, as far as their signatures are right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from proxy.audit import signed_heads
from proxy.audit.files import name_of, opened
from proxy.audit.keys import PublicKey
from proxy.audit.layout import JOURNAL_FILE, SIGNED_FILE
from proxy.audit.lines import lines
from proxy.audit.statement import Signed, Statement
from proxy.audit.verify import Damage, Finding

_STATEMENT = b'"statement":'


@dataclass(frozen=True)
class Signatures:
    """What is known by signature."""

    key: str | None
    """Which key was checked with; None where there was none to check with."""
    statements: int
    """How many there were whose signatures are right."""
    newest: Statement | None
    problem: Finding | None
    """The first statement that is not what it should be."""
    signed: Mapping[str, Mapping[int, str]]
    """Hashes of records by their numbers, for each chain by its name."""


NONE = Signatures(None, 0, None, None, {})
"""Where there is no key to check with."""


class _Recorded(msgspec.Struct):
    """A record that holds a statement."""

    details: Signed
    kind: str
    sequence: int


def read_signatures(directory: Path, key: PublicKey, kept: Sequence[Signed]) -> Signatures:
    """Collect the statements: of the supervisor's chain, of the file beside it, and those that were kept elsewhere.

    Args:
        directory: Of the audit log.
        key: The public key of the gateway.
        kept: Statements from elsewhere.

    Raises:
        OSError: the log cannot be read.
    """
    return _Hearing(key).of(directory, kept)


class _Hearing:
    def __init__(self, key: PublicKey) -> None:
        self._key = key
        self._count = 0
        self._newest: Statement | None = None
        self._problem: Finding | None = None
        self._signed: defaultdict[str, dict[int, str]] = defaultdict(dict)

    def of(self, directory: Path, kept: Sequence[Signed]) -> Signatures:
        # The file first: the chain may grow meanwhile, but is never behind.
        beside = signed_heads.read(directory / SIGNED_FILE)
        if (directory / JOURNAL_FILE).exists():
            for file, line, recorded in _recorded(directory):
                name = f"{recorded.kind} {recorded.sequence}"
                self._take(recorded.details, Finding(Damage.CHANGED, file, line, name, _WRONG), others=True)
        recorded_newest = self._newest
        for each in kept:
            self._take(each, Finding(Damage.CHANGED, "kept", 1, "a statement that was kept elsewhere", _WRONG))
        if beside is None:
            self._find(Finding(Damage.MISSING, SIGNED_FILE, 1, SIGNED_FILE, "is missing or damaged"))
        else:
            statement = self._take(beside, Finding(Damage.CHANGED, SIGNED_FILE, 1, SIGNED_FILE, _WRONG))
            if statement is not None:
                self._compare(statement, recorded_newest)
        return Signatures(self._key.name, self._count, self._newest, self._problem, self._signed)

    def _compare(self, beside: Statement, recorded: Statement | None) -> None:
        newest = self._newest
        if newest is None or newest.number <= beside.number:
            return
        where = "in the log itself" if recorded is not None and recorded.number == newest.number else "that was kept"
        text = f"is number {beside.number}, older than number {newest.number} {where}: it was put in its place"
        self._find(Finding(Damage.CHANGED, SIGNED_FILE, 1, SIGNED_FILE, text))

    def _take(self, signed: Signed, forged: Finding, *, others: bool = False) -> Statement | None:
        """Take a statement, or find out that it is forged; those in the log may be of an earlier key."""
        try:
            statement = Statement.parse(signed.statement)
        except ValueError:
            self._find(forged)
            return None
        if others and statement.key != self._key.name:
            return None
        if not self._key.signed(signed):
            self._find(forged)
            return None
        self._count += 1
        if self._newest is None or statement.number > self._newest.number:
            self._newest = statement
        for name, head in statement.heads.items():
            if head.sequence:
                # The earliest word stands: a chain that was signed once more after it was changed is still changed.
                self._signed[name].setdefault(head.sequence, head.hash)
        return statement

    def _find(self, finding: Finding) -> None:
        self._problem = self._problem or finding


_WRONG = "does not have a signature of this key"


def _recorded(directory: Path) -> Iterator[tuple[str, int, _Recorded]]:
    """Yield the statements in a chain, with file and line."""
    decoder = msgspec.json.Decoder(_Recorded)
    for file in opened(directory):
        for number, line in enumerate(lines(file), start=1):
            if _STATEMENT not in line:
                continue
            try:
                yield name_of(file), number, decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue  # the check of the chain names what is damaged
