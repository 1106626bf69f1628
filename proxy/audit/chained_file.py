"""The journal's file: writes chained records, and accounts for what a crash or a full disk left unfinished."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import math
import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from proxy.audit import files
from proxy.audit.chain import GENESIS, Link, TornBytes, encode, seal, unseal
from proxy.audit.event import Detail, Kind, Notice, record, seconds
from proxy.audit.head import Head, read_head, write_head
from proxy.audit.layout import FRESH_FILE, HEAD_FILE, JOURNAL_FILE, rotated
from proxy.audit.lines import MAXIMUM_LINE, lines
from proxy.audit.retention import DEFAULT, Retention
from proxy.storage.ownership import give_to_owner_of, make_directory

_BLOCK = 64 * 1024
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_RETRY_SECONDS = 60.0
"""A rotation that failed is tried again after that time."""


class _Time(msgspec.Struct):
    time: str


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
    """The open journal of a directory. One writer per directory, held by a lock; used from one thread at a time.

    Only ever appends; a file that is full gets another name, and the chain goes on in a new one.
    """

    def __init__(self, directory: Path, *, clock: Callable[[], float], retention: Retention = DEFAULT) -> None:
        """Open or begin the journal; after a crash, write the recovery record.

        Raises:
            JournalError: with the remedy.
        """
        self._directory = directory
        self._clock = clock
        self._retention = retention
        self._retry_at = -math.inf
        self._torn = TornBytes()
        self._sequence = 0
        self._previous = GENESIS
        self._size = 0
        self._first = 1
        self._begun: float | None = None
        self._kept: float | None = None
        with contextlib.ExitStack() as opened:
            try:
                _prepare(directory)
                self._head_file = os.open(directory / HEAD_FILE, _FLAGS, 0o600)
                opened.callback(os.close, self._head_file)
                _own(self._head_file, directory / HEAD_FILE)
                # The lock is the head's: the journal file is another one after each rotation.
                _lock(self._head_file, directory / JOURNAL_FILE)
                files.finish_rotation(directory)
                self._file = os.open(directory / JOURNAL_FILE, _FLAGS | os.O_APPEND, 0o600)
                opened.callback(lambda: os.close(self._file))
                _own(self._file, directory / JOURNAL_FILE)
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
        unkept = self.tend()
        report = lost > 0 or bool(self._torn)
        buffer = bytearray(b"\n" if self._torn else b"")
        ends: list[tuple[int, str]] = []
        sequence, previous = self._sequence, self._previous
        for body in [self._loss(lost, cause), *bodies] if report else bodies:
            sequence += 1
            line, previous = seal(body, sequence=sequence, previous=previous)
            buffer += line
            ends.append((len(buffer), previous))
        taken, error = self._add(buffer)
        whole = sum(end <= taken for end, _ in ends)
        settled = 0
        if whole:
            settled, self._previous = ends[whole - 1]
            self._sequence += whole
            self._torn = TornBytes()
            error = self._note_head() or error
        self._torn.add(bytes(buffer[settled:taken]))
        return Outcome(written=max(0, whole - report), reported=report and whole > 0, error=error or unkept)

    def tend(self) -> str | None:
        """Rotate the file if it is full or old, and remove rotated files that are kept no longer.

        Returns:
            What went wrong, if anything did: the journal then goes on in the file that it has.
        """
        now = self._clock()
        if self._torn or now < self._retry_at:
            return None
        try:
            if self._retention.full(self._size, self._begun, now):
                self._rotate()
            self._retire(now)
        except OSError as error:
            self._retry_at = now + _RETRY_SECONDS
            return f"{self._directory}: the journal cannot be rotated: {error.strerror or error}"
        self._retry_at = -math.inf
        return None

    def sync(self) -> None:
        """Force what was written to the medium.

        Raises:
            OSError: if the medium fails; what it lost is not known.
        """
        os.fdatasync(self._file)

    def close(self) -> None:
        """Close the files and give up the lock."""
        self._opened.close()

    def _rotate(self) -> None:
        self.sync()
        fresh = os.open(self._directory / FRESH_FILE, _FLAGS | os.O_APPEND | os.O_TRUNC, 0o600)
        try:
            _own(fresh, self._directory / FRESH_FILE)
            files.rotate(self._directory, self._first)
        except OSError:
            os.close(fresh)
            raise
        full, self._file = self._file, fresh
        os.close(full)
        self._size, self._first, self._begun = 0, self._sequence + 1, None
        self._kept = None

    def _retire(self, now: float) -> None:
        """Remove the oldest files once a record says so: a reader must be able to tell that from tampering."""
        if self._kept is not None and now < self._kept:
            return
        self._kept = now + _RETRY_SECONDS
        there = rotated(self._directory)
        surplus = self._retention.surplus(files.stored(there), now)
        if not surplus:
            return
        kept = self._first_link([*there, self._directory / JOURNAL_FILE][surplus])
        through = Head(self._sequence, self._previous) if kept is None else Head(kept.sequence - 1, kept.previous)
        text = f"The {surplus} oldest files, up to record {through.sequence}, were removed, as the configuration says."
        details: dict[str, Detail] = {"through": through.sequence, "hash": through.hash, "files": surplus}
        line, digest = seal(
            self._account(Kind.RETENTION, text, None, details), sequence=self._sequence + 1, previous=self._previous
        )
        taken, error = self._add(line)
        if error is not None:
            self._torn.add(line[:taken])
            raise OSError(error)
        self._sequence, self._previous = self._sequence + 1, digest
        self._note_head()
        self.sync()
        files.remove(there[:surplus])

    def _first_link(self, path: Path) -> Link | None:
        """Return the first record of a file; None if it is empty.

        Raises:
            OSError: it cannot be read, or is damaged: then nothing may be removed before it.
        """
        with path.open("rb") as file:
            line = file.readline(MAXIMUM_LINE)
        if not line:
            return None
        link = unseal(line)
        if link is None:
            raise OSError(f"the first record of {path.name} is damaged, so what is before it stays")
        return link

    def _add(self, data: bytes | bytearray) -> tuple[int, str | None]:
        """Append to the file; return what it took and what went wrong."""
        taken, error = _append(self._file, data)
        self._size += taken
        if taken and self._begun is None:
            self._begun = self._clock()
        return taken, error

    def _resume(self, head: Head | None) -> None:
        size = self._size = os.fstat(self._file).st_size
        link, end = _last_link(self._file, size)
        if link is not None:
            self._sequence, self._previous = link.sequence, link.hash
        else:
            self._resume_after(rotated(self._directory)[-1:])
        self._first, self._begun = self._beginning()
        ended = size == end or os.pread(self._file, 1, size - 1) == b"\n"
        torn = TornBytes()
        for start in range(end, size - ended, _BLOCK):
            torn.add(os.pread(self._file, min(_BLOCK, size - ended - start), start))
        missing = 0 if head is None else max(0, head.sequence - self._sequence)
        headless = head is None and self._sequence > 0
        if size > end or missing or headless:
            body = self._recovery(torn if size > end else None, missing, headless=headless)
            line, self._previous = seal(body, sequence=self._sequence + 1, previous=self._previous)
            taken, error = self._add(line if ended else b"\n" + line)
            if error is not None:
                raise JournalError(
                    f"the recovery record of the audit log cannot be written: {error} -- free some disk space"
                    f" ({taken} bytes were written)"
                )
            self._sequence += 1
            self.sync()
        write_head(self._head_file, Head(self._sequence, self._previous))

    def _resume_after(self, newest: list[Path]) -> None:
        """Go on after the newest rotated file, if there is one: the one that is written holds no record."""
        for path in newest:
            with path.open("rb") as file:
                link, _ = _last_link(file.fileno(), os.fstat(file.fileno()).st_size)
            if link is not None:
                self._sequence, self._previous = link.sequence, link.hash

    def _beginning(self) -> tuple[int, float | None]:
        """Return the number of the first record of the file, and since when it is written; None if it is empty."""
        with (self._directory / JOURNAL_FILE).open("rb") as file:
            for line in lines(file):
                link = unseal(line)
                if link is not None:
                    return link.sequence, self._written_at(line)
        return self._sequence + 1, self._clock() if self._size else None

    def _written_at(self, line: bytes) -> float:
        with contextlib.suppress(msgspec.DecodeError, ValueError):
            return seconds(msgspec.json.decode(line, type=_Time).time)
        return self._clock()

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


def _lock(file: int, path: Path) -> None:
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
