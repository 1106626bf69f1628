"""Checks the chain of a journal and names the first record that was changed, taken out or put in.

What the chain and its head show: any change, removal, insertion or exchange of records by somebody who did not write
every later hash and the head anew. Against those who do, what was signed counts (`signatures`): they have no key.
Bytes that a crash or a full disk left unfinished are accepted where the record that follows accounts for them, and are
reported; so is what a crash cost. Oldest files that are not there are accepted where a record says that they were
removed.

The files are read once, in constant memory, and may be written to and rotated meanwhile.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

import msgspec

from proxy.audit.chain import GENESIS, Link, TornBytes, label, unseal
from proxy.audit.event import seconds
from proxy.audit.files import name_of, opened
from proxy.audit.head import Head, read_head
from proxy.audit.layout import HEAD_FILE
from proxy.audit.lines import lines

_MOST_GAPS = 1024
UNSIGNED_SECONDS = 120.0
"""Nothing that a gateway writes stays unsigned for so long."""


class Damage(StrEnum):
    """What happened to a record."""

    CHANGED = "changed"
    MISSING = "missing"
    INSERTED = "inserted"
    UNSIGNED = "unsigned"
    """Written for longer than the gateway goes without signing, but not signed."""


@dataclass(frozen=True)
class Finding:
    """One place where the chain is broken."""

    damage: Damage
    file: str
    """Name of the file, without its directory."""
    line: int
    """Line of the file, from 1; for missing records the line they should stand before."""
    record: str
    """Id of the record, or what else names it."""
    message: str
    """In plain words."""


@dataclass(frozen=True)
class Incident:
    """A record by which the journal itself accounts for bytes or records that it lost."""

    file: str
    line: int
    sentence: str


@dataclass
class Report:
    """The state of a journal."""

    records: int = 0
    """Records whose own hash is right."""
    first: Finding | None = None
    """The first damage, by line; `None` if there is none."""
    damages: int = 0
    """Places with damage; what follows the first may be its consequence."""
    incidents: int = 0
    """Times the journal accounted for lost bytes or records."""
    last_incident: Incident | None = None
    unfinished_bytes: int = 0
    """Bytes after the last record: it is being written right now, or the gateway was killed while it wrote."""
    newest: int = 0
    """Number of the newest record that could be placed in the chain; 0 if there is none."""
    unsigned: int | None = None
    """Verdicts after the newest record that was signed; None where nothing signed is known."""

    @property
    def ok(self) -> bool:
        """Whether nothing was changed, taken out or put in."""
        return self.first is None


def verify(directory: Path, signed: Mapping[int, str] | None = None) -> Report:
    """Check a directory's journal against itself, against its head, and against what was signed.

    Args:
        directory: Where the journal is.
        signed: Hashes of records by their numbers, from statements whose signatures are right (`signatures`); None
            where there are no statements.

    Raises:
        OSError: if the journal cannot be read.
    """
    # The head first: the journal may grow meanwhile, but never falls behind a head that was there before.
    head = read_head(directory)
    return _Check(head, signed).run(opened(directory))


@dataclass
class _Debris:
    """Lines without a record, one after another."""

    first_line: int
    last_line: int
    names: str | None
    torn: TornBytes
    ended: bool


@dataclass(frozen=True)
class _Gap:
    """Records that are not there, though others before or after them are."""

    line: int
    first: int
    final: int
    previous: str
    """Hash of the last of them, as the record after them states it."""


class _Removed(msgspec.Struct):
    """What a record says of the files that were removed before it."""

    through: int = 0
    hash: str = ""


@dataclass(frozen=True)
class _Step:
    line: int
    link: Link
    debris: _Debris | None


_START = _Step(0, Link(sequence=0, previous="", kind="start", hash=GENESIS), None)


class _Check:
    def __init__(self, head: Head | None, signed: Mapping[int, str] | None) -> None:
        self._head = head
        self._signed = signed or {}
        self._newest_signed = max(self._signed, default=0)
        self._report = Report(unsigned=None if signed is None else 0)
        self._first_unsigned: _Step | None = None
        self._long_unsigned = False
        self._first_damage = 0
        self._files: list[tuple[int, str]] = []
        self._gaps: list[_Gap] = []
        self._removed = _Removed()
        self._debris: _Debris | None = None
        self._before: _Step | None = None
        self._last = _START
        self._line = 0
        self._contradicts_head: _Step | None = None
        self._contradicts_signature: _Step | None = None
        self._signed_before = 0

    def run(self, files: Iterable[BinaryIO]) -> Report:
        current: _Step | None = None
        for following in self._steps(files):
            if current is not None:
                self._take(current, following.link)
            current = following
        if current is not None:
            self._take(current, None)
        self._finish()
        return self._report

    def _lines(self, files: Iterable[BinaryIO]) -> Iterator[bytes]:
        for file in files:
            self._files.append((self._line, name_of(file)))
            yield from lines(file)

    def _place(self, line: int) -> tuple[str, int]:
        """Return the file of a line, and its number there; lines are counted across all files here."""
        before, name = self._files[max(0, bisect_left(self._files, (line,)) - 1)]
        return name, line - before

    def _steps(self, files: Iterable[BinaryIO]) -> Iterator[_Step]:
        """Yield the records in the order of the files, each with the debris before it."""
        for line in self._lines(files):
            self._line += 1
            link = unseal(line) if line.endswith(b"\n") else None
            if link is None:
                self._collect(line)
                continue
            self._report.records += 1
            debris, self._debris = self._debris, None
            yield _Step(self._line, link, debris)

    def _collect(self, line: bytes) -> None:
        text = line.removesuffix(b"\n")
        debris = self._debris
        if debris is None:
            debris = self._debris = _Debris(self._line, self._line, label(text), TornBytes(), ended=True)
        elif debris.ended:
            debris.torn.add(b"\n")
        debris.torn.add(text)
        debris.last_line = self._line
        debris.ended = line.endswith(b"\n")

    def _take(self, step: _Step, following: Link | None) -> None:
        link = step.link
        if link.kind in ("recovery", "loss"):
            self._report.incidents += 1
            self._report.last_incident = Incident(*self._place(step.line), link.sentence or "")
        elif link.kind == "retention":
            self._removed = _removed(link)
        accounted = step.debris is not None and link.torn == step.debris.torn.sum()
        if step.debris is not None and not accounted:
            self._judge_debris(step.debris, link)
        elif link.torn is not None and step.debris is None:
            self._find(Damage.MISSING, step.line, "torn text", f"that {link.label} accounts for was taken out")
        elif not _follows(link, self._last.link) and self._judge(step, following):
            return
        self._compare_with_head(step)
        self._before, self._last = self._last, step

    def _judge_debris(self, debris: _Debris, link: Link) -> None:
        last = self._last.link
        name = debris.names or f"line {debris.first_line}"
        if _follows(link, last):
            self._find(Damage.INSERTED, debris.first_line, name, "is no record of this journal")
        else:
            self._find(Damage.CHANGED, debris.first_line, name, "does not have the hash that it states")
            lines_lost = debris.last_line - debris.first_line + 1
            if last is _START.link:  # what is before the debris may have been removed as the configuration says
                self._miss(debris.first_line, 1, link.sequence - lines_lost - 1, "")
            else:
                self._miss(debris.last_line + 1, last.sequence + lines_lost + 1, link.sequence - 1, link.previous)

    def _judge(self, step: _Step, following: Link | None) -> bool:
        """Find out which record is to blame; return whether it is this one and it does not belong here at all."""
        link, last = step.link, self._last.link
        again = link.hash == last.hash
        if again or (following is not None and _follows(following, last)):
            self._find(Damage.INSERTED, step.line, link.label, "stands where it does not belong")
            return True
        expected = last.sequence + 1
        if link.sequence == expected:
            if self._last is not _START and (following is None or _follows(following, link)):
                message = "is not the record that the next one was chained to"
                self._find(Damage.CHANGED, self._last.line, last.label, message)
            else:
                self._find(Damage.CHANGED, step.line, link.label, "is not chained to the record before it")
        elif link.previous == last.hash:
            self._find(Damage.CHANGED, step.line, link.label, f"states number {link.sequence} instead of {expected}")
        elif link.sequence > expected:
            self._miss(step.line, expected, link.sequence - 1, link.previous)
        elif self._before is not None and _follows(link, self._before.link) and not self._is_head(last):
            self._find(Damage.INSERTED, self._last.line, last.label, "takes the place of the record after it")
        else:
            self._find(Damage.INSERTED, step.line, link.label, "stands where it does not belong")
            return True
        return False

    def _is_head(self, link: Link) -> bool:
        return self._head is not None and self._head.sequence == link.sequence and self._head.hash == link.hash

    def _compare_with_head(self, step: _Step) -> None:
        if self._head is not None and self._head.sequence == step.link.sequence:
            self._contradicts_head = None if self._is_head(step.link) else step
        if self._report.unsigned is not None and step.link.kind == "verdict":
            self._note_unsigned(step, self._report.unsigned)
        signed = self._signed.get(step.link.sequence)
        if signed == step.link.hash:
            self._signed_before = step.link.sequence
        elif signed is not None and self._contradicts_signature is None:
            self._contradicts_signature = step

    def _note_unsigned(self, step: _Step, before: int) -> None:
        """Note a verdict that nothing signed vouches for; the gateway signs every few seconds, so not for long."""
        if step.link.sequence <= self._newest_signed:
            return
        self._report.unsigned = before + 1
        if self._first_unsigned is None:
            self._first_unsigned = step
        elif not self._long_unsigned and _apart(self._first_unsigned.link, step.link) > UNSIGNED_SECONDS:
            self._long_unsigned = True
            first = self._first_unsigned
            self._find(Damage.UNSIGNED, first.line, first.link.label, "and what follows was signed by nobody")

    def _miss(self, line: int, first: int, final: int, previous: str) -> None:
        """Note a gap: whether it is one is known at the end, when it is known what was to be removed."""
        if final < first:
            return
        if len(self._gaps) < _MOST_GAPS:
            self._gaps.append(_Gap(line, first, final, previous))
        else:
            self._report.damages += 1

    def _judge_gaps(self) -> None:
        removed = self._removed
        for gap in self._gaps:
            if gap.final > removed.through:
                self._find_missing(gap.line, max(gap.first, removed.through + 1), gap.final)
            elif gap.final == removed.through and gap.previous not in {"", removed.hash}:
                self._find(Damage.CHANGED, gap.line, f"number {gap.final + 1}", "does not follow what was removed")

    def _finish(self) -> None:
        report, last, debris = self._report, self._last.link, self._debris
        report.newest = last.sequence
        self._judge_gaps()
        if (forged := self._contradicts_signature) is not None:
            message = f"is not the record that was signed: one after number {self._signed_before} was written anew"
            self._find(Damage.CHANGED, forged.line, forged.link.label, message)
        rewritten = self._contradicts_head
        if rewritten is not None and report.ok:
            message = f"is not the record that {HEAD_FILE} names"
            self._find(Damage.CHANGED, rewritten.line, rewritten.link.label, message)
        end = last.sequence
        if debris is not None and (debris.ended or debris.first_line != debris.last_line):
            name = debris.names or f"line {debris.first_line}"
            self._find(Damage.CHANGED, debris.first_line, name, "does not have the hash that it states")
            end += debris.last_line - debris.first_line + 1
        elif debris is not None:
            report.unfinished_bytes = debris.torn.sum().bytes
        known = max(self._head.sequence if self._head is not None else 0, self._newest_signed)
        if known > end:
            self._find_missing(self._line + 1, end + 1, known)
        elif self._head is None:
            self._find(Damage.MISSING, self._line + 1, HEAD_FILE, "is missing, so newest records may be, too")

    def _find_missing(self, line: int, first: int, final: int) -> None:
        if first == final:
            self._find(Damage.MISSING, line, f"number {first}", "was taken out")
        else:
            self._find(Damage.MISSING, line, f"number {first}", f"and all up to number {final} were taken out")

    def _find(self, damage: Damage, line: int, record: str, message: str) -> None:
        self._report.damages += 1
        if self._report.first is None or line < self._first_damage:
            self._first_damage = line
            self._report.first = Finding(damage, *self._place(line), record, message)


def _removed(link: Link) -> _Removed:
    with suppress(msgspec.DecodeError):
        return msgspec.json.decode(link.details, type=_Removed)
    return _Removed()


def _apart(first: Link, second: Link) -> float:
    """Return the seconds between two records; 0 where one does not say when it was written."""
    with suppress(ValueError):
        return seconds(second.time or "") - seconds(first.time or "")
    return 0.0


def _follows(link: Link, last: Link) -> bool:
    return link.sequence == last.sequence + 1 and link.previous == last.hash
