"""The journal's file: writes chained records, and accounts for what a crash or a full disk left unfinished."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from proxy.audit.chain import GENESIS, Link, TornBytes, encode, seal, unseal
from proxy.audit.event import Detail, Kind, Notice, record
from proxy.audit.head import Head, read_head, write_head
from proxy.audit.layout import HEAD_FILE, JOURNAL_FILE
from proxy.storage.ownership import give_to_owner_of, make_directory

_BLOCK = 64 * 1024
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class JournalError(Exception):
    """The journal cannot be opened, or takes no more events."""


class JournalInUseError(JournalError):
    """Another process writes the journal."""


@dataclass(frozen=True)
class Outcome:
    """What became of an attempt to write."""

    written: int
    """Records that are in the file now, of those given."""
    reported: bool
    """Whether the number of lost records is in the file now."""
    error: str | None
    """Why the rest is not."""


class ChainedFile:
    """The open journal of a directory. One writer per file, held by a lock; used from one thread at a time.

    Only ever appends, so that the file may carry the append-only attribute.
    """

    def __init__(self, directory: Path, *, clock: Callable[[], float]) -> None:
        """Open or begin the journal; after a crash, write the recovery record.

        Raises:
            JournalError: with the remedy.
        """
        self._clock = clock
        self._torn = TornBytes()
        self._sequence = 0
        self._previous = GENESIS
        with contextlib.ExitStack() as opened:
            try:
                _prepare(directory)
                self._file = os.open(directory / JOURNAL_FILE, _FLAGS | os.O_APPEND, 0o600)
                opened.callback(os.close, self._file)
                _own(self._file, directory / JOURNAL_FILE)
                self._head_file = os.open(directory / HEAD_FILE, _FLAGS, 0o600)
                opened.callback(os.close, self._head_file)
                give_to_owner_of(directory, self._head_file)
                self._resume(read_head(directory))
            except OSError as error:
                raise _unusable(directory, error) from error
            self._opened = opened.pop_all()

    @property
    def sequence(self) -> int:
        """Number of the newest record."""
        return self._sequence

    def write(self, bodies: Sequence[bytes], *, lost: int = 0, cause: str = "") -> Outcome:
        """Append encoded records with one system call.

        Where records were lost before, or torn bytes stand at the end, a record that says so goes first.

        Args:
            bodies: Encoded records, oldest first.
            lost: How many records were lost since the last report.
            cause: Why they were.
        """
        report = lost > 0 or bool(self._torn)
        buffer = bytearray(b"\n" if self._torn else b"")
        ends: list[tuple[int, str]] = []
        sequence, previous = self._sequence, self._previous
        for body in [self._loss(lost, cause), *bodies] if report else bodies:
            sequence += 1
            line, previous = seal(body, sequence=sequence, previous=previous)
            buffer += line
            ends.append((len(buffer), previous))
        taken, error = _append(self._file, buffer)
        whole = sum(end <= taken for end, _ in ends)
        settled = 0
        if whole:
            settled, self._previous = ends[whole - 1]
            self._sequence += whole
            self._torn = TornBytes()
            error = self._note_head() or error
        self._torn.add(bytes(buffer[settled:taken]))
        return Outcome(written=max(0, whole - report), reported=report and whole > 0, error=error)

    def sync(self) -> None:
        """Force what was written to the medium.

        Raises:
            OSError: if the medium fails; what it lost is not known.
        """
        os.fdatasync(self._file)

    def close(self) -> None:
        """Close the files and give up the lock."""
        self._opened.close()

    def _resume(self, head: Head | None) -> None:
        size = os.fstat(self._file).st_size
        link, end = _last_link(self._file, size)
        if link is not None:
            self._sequence, self._previous = link.sequence, link.hash
        ended = size == end or os.pread(self._file, 1, size - 1) == b"\n"
        torn = TornBytes()
        for start in range(end, size - ended, _BLOCK):
            torn.add(os.pread(self._file, min(_BLOCK, size - ended - start), start))
        missing = 0 if head is None else max(0, head.sequence - self._sequence)
        headless = head is None and self._sequence > 0
        if size > end or missing or headless:
            body = self._recovery(torn if size > end else None, missing, headless=headless)
            line, self._previous = seal(body, sequence=self._sequence + 1, previous=self._previous)
            taken, error = _append(self._file, line if ended else b"\n" + line)
            if error is not None:
                raise JournalError(
                    f"the recovery record of the audit log cannot be written: {error} -- free some disk space"
                    f" ({taken} bytes were written)"
                )
            self._sequence += 1
            self.sync()
        write_head(self._head_file, Head(self._sequence, self._previous))

    def _recovery(self, torn: TornBytes | None, missing: int, *, headless: bool) -> bytes:
        found = []
        if torn is not None:
            found.append(f"{torn.sum().bytes} bytes of an unfinished record were found and left in place")
        if missing:
            found.append(f"the newest {missing} records that the head file knows of are missing")
        if headless:
            found.append("the head file is missing or damaged, so newest records may be missing, too")
        text = f"The audit log was not closed properly: {'; '.join(found)}."
        return self._account(Kind.RECOVERY, text, torn, {"missing": missing})

    def _loss(self, lost: int, cause: str) -> bytes:
        text = f"The disk did not take {lost} records: {cause or 'unknown cause'}."
        return self._account(Kind.LOSS, text, self._torn or None, {"lost": lost, "cause": cause})

    def _account(self, kind: Kind, text: str, torn: TornBytes | None, details: dict[str, Detail]) -> bytes:
        fields = msgspec.to_builtins(record(Notice(kind=kind, time=self._clock(), sentence=text, details=details)))
        if torn is not None:
            total = torn.sum()
            fields["torn"] = {"bytes": total.bytes, "sha256": total.sha256}
        return encode(fields)

    def _note_head(self) -> str | None:
        try:
            write_head(self._head_file, Head(self._sequence, self._previous))
        except OSError as error:
            return f"{HEAD_FILE}: {error.strerror}"
        return None


def look(directory: Path) -> None:
    """Check whether a journal could be kept in a directory, also one that a gateway is writing; change nothing.

    Raises:
        JournalError: with the remedy.
    """
    try:
        if not os.path.lexists(directory):
            return
        if not directory.is_dir():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        _refuse_others(directory)
        for name, flags in ((JOURNAL_FILE, os.O_APPEND), (HEAD_FILE, 0)):
            try:
                file = os.open(directory / name, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | flags)
            except FileNotFoundError:
                if not os.access(directory, os.W_OK | os.X_OK):
                    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES)) from None
                continue
            try:
                _require_regular(file, directory / name)
            finally:
                os.close(file)
    except OSError as error:
        raise _unusable(directory, error) from error


def _unusable(directory: Path, error: OSError) -> JournalError:
    return JournalError(f"{directory}: cannot hold the audit log: {error.strerror} -- check path, rights and disk")


def _prepare(directory: Path) -> None:
    make_directory(directory)
    _refuse_others(directory)


def _refuse_others(directory: Path) -> None:
    if directory.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise JournalError(f"{directory}: others may write to the audit log's directory -- chmod 700 {directory}")


def _require_regular(file: int, path: Path) -> None:
    if not stat.S_ISREG(os.fstat(file).st_mode):
        raise JournalError(f"{path}: is not a regular file -- move it away")


def _own(file: int, path: Path) -> None:
    _require_regular(file, path)
    os.fchmod(file, 0o600)
    give_to_owner_of(path.parent, file)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise JournalInUseError(f"{path}: another process writes it -- stop that gateway first") from None


def _append(file: int, data: bytes | bytearray) -> tuple[int, str | None]:
    """Write as much as the disk takes; return the number of bytes and what went wrong."""
    taken = 0
    view = memoryview(data)
    try:
        while taken < len(data):
            taken += os.write(file, view[taken:])
    except OSError as error:
        return taken, error.strerror or str(error)
    return taken, None


def _last_link(file: int, size: int) -> tuple[Link | None, int]:
    """Find the last whole record, reading backwards; return its link and the offset behind it."""
    start = size
    tail, tail_ended = b"", False
    while start > 0:
        start, stop = max(0, start - _BLOCK), start + len(tail)
        lines = (os.pread(file, stop - len(tail) - start, start) + tail).split(b"\n")
        ended = [True] * (len(lines) - 1) + [tail_ended]
        # The first piece may begin in the middle of a line, unless the file begins there.
        first = 1 if start else 0
        for index in range(len(lines) - 1, first - 1, -1):
            link = unseal(lines[index]) if ended[index] else None
            if link is not None:
                return link, stop + 1
            stop -= len(lines[index]) + 1
        tail, tail_ended = lines[0], ended[0]
    return None, 0
