"""Labelled traces in the form of the paper's public data set, read as they are shipped.

One access a line, fields separated by commas; with a header line, with a first line of one word, or with neither. What
does not make an access is named and skipped: a file of this size is never flawless, and one bad line must not hide the
rest.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
import sys
import zlib
from bisect import insort
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from models.access import Access, Operation
from proxy.evaluation.impossible_times import without_leaps

COLUMNS = (
    "sourceID",
    "sourceAddress",
    "sourceType",
    "sourceLocation",
    "destinationServiceAddress",
    "destinationServiceType",
    "destinationLocation",
    "accessedNodeAddress",
    "accessedNodeType",
    "operation",
    "value",
    "timestamp",
    "normality",
)
"""Columns of the data set, in its order, which a file without header is taken to have."""

REQUIRED = (
    "sourceAddress",
    "sourceType",
    "destinationServiceAddress",
    "destinationServiceType",
    "accessedNodeAddress",
    "operation",
    "timestamp",
    "normality",
)

OPERATIONS = {
    "read": Operation.GET,
    "getStream": Operation.GET,
    "write": Operation.SET,
    "setStream": Operation.SET,
    # To the one who reads the model these change the tree, as a write does; the authors count them so, too.
    "registerVirtualNode": Operation.SET,
    "unregisterVirtualNode": Operation.SET,
    "subscribe": Operation.SUBSCRIBE,
    "unsubscribe": Operation.UNSUBSCRIBE,
    "notifyCallback": Operation.NOTIFY,
    "lockSubtree": Operation.LOCK,
    "commitSubtree": Operation.COMMIT,
    "rollbackSubtree": Operation.ROLLBACK,
    "registerService": Operation.REGISTER,
    "unregisterService": Operation.REGISTER,
}
"""The words that Knowledge Agents write, and what they are to a model."""

NORMAL = "normal"
UNKNOWN = frozenset({"", "none", "nk"})
"""What stands for a feature that is not known."""
LONGEST_LINE = 65_536
"""Bytes; what is longer is no access, and is skipped without keeping it."""
NAMED = 1000
"""Bad rows that are remembered with their reasons; beyond that they are only counted."""
HOPELESS = 1000
"""Bad rows, with not one good among them, after which the file is given up: it is of something else."""
LATEST = 1 << 53
"""Milliseconds; later times are not exact as a floating point number, and no times."""
_GZIP = b"\x1f\x8b"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_SPELLING = {name.lower(): name for name in COLUMNS}


class TraceError(Exception):
    """A trace that cannot be read or judged at all; the text names the file or the line, and the remedy."""


class _Bad(Exception):
    """A row that makes no access; the text says why."""


class BadRow(NamedTuple):
    """A row that was skipped."""

    line: int
    """Counted from 1."""
    reason: str


class Row(NamedTuple):
    """One labelled access."""

    access: Access
    label: str
    """`normal`, or the name of the class, without `anomalous()`."""
    fields: Sequence[str]
    """The row as it stands in the file."""
    names: Sequence[str]
    """Names of the columns, shared by all rows of a file."""

    @property
    def columns(self) -> dict[str, str]:
        """All columns by name, further ones included."""
        return dict(zip(self.names, self.fields, strict=True))


class Trace:
    """A file of labelled accesses: iterate to read it, once. What was skipped is known afterwards."""

    def __init__(self, path: Path) -> None:
        """Open the file and find its columns.

        Raises:
            TraceError: it is missing, unreadable or empty, or its header lacks a column.
        """
        self.path = path
        self.bad_rows: list[BadRow] = []
        """The first of the rows that were skipped; `bad` counts all."""
        self.bad = 0
        self.good = 0
        self._line = 0
        try:
            self._lines = self._open()
            self.names = self._columns()
        except OSError as error:
            raise self._unreadable(error) from error
        self._index = {name: index for index, name in enumerate(self.names)}

    def column(self, name: str) -> int:
        """Return the index of a column in `Row.fields`.

        Raises:
            TraceError: there is no such column.
        """
        try:
            return self._index[name]
        except KeyError:
            raise TraceError(f"{self.path} has no column {name!r}; it has {', '.join(self.names)}") from None

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows in the order of the file.

        Raises:
            TraceError: the file is cut off, damaged, or holds something else altogether.
        """
        try:
            yield from without_leaps(self._rows(), self._leaps)
        finally:
            self.close()

    def close(self) -> None:
        """Close the file."""
        self._lines.close()

    def _rows(self) -> Iterator[tuple[int, int, Row]]:
        """Yield what makes accesses, with line and event time; count it as good."""
        build = _Builder(self._index)
        names, width = self.names, len(self.names)
        first = self._first
        try:
            while True:
                if first is not None:
                    data, first = first, None
                elif not (data := self._next()):
                    return
                text = data.rstrip(b"\r\n")
                if not text:
                    continue
                try:
                    fields = _split(text, width)
                    access, label = build(fields)
                except _Bad as bad:
                    self._skip(str(bad))
                    continue
                self.good += 1
                yield self._line, access.time, Row(access, label, fields, names)
        except (OSError, EOFError, zlib.error) as error:
            raise self._unreadable(error) from error

    def _leaps(self, line: int, reason: str) -> None:
        self.good -= 1
        self._skip(reason, line)

    def _open(self) -> io.BufferedReader:
        binary = self.path.open("rb")
        if binary.peek(len(_GZIP))[: len(_GZIP)] != _GZIP:
            return binary
        # GzipFile is written in Python: a buffer in front of it makes a line cheap.
        return io.BufferedReader(_Unzipped(binary), 1 << 17)

    def _next(self) -> bytes:
        """Return the next line with its end, at most one byte longer than the longest; empty at the end."""
        data = self._lines.readline(LONGEST_LINE + 1)
        self._line += 1
        if len(data) > LONGEST_LINE and not data.endswith(b"\n"):
            while (rest := self._lines.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                pass
        return data

    def _columns(self) -> tuple[str, ...]:
        """Read up to the first access; keep its line, which tells how many columns a file without header has."""
        self._first: bytes | None = None
        titled = False
        try:
            while data := self._next():
                text = data.removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n")
                if not text:
                    continue
                self._check_form(text)
                fields = [field.strip() for field in text.decode("utf-8", "replace").split(",")]
                if len(fields) == 1:
                    if titled:
                        self._skip("has one column, and is not the first line, which may be a title")
                    titled = True  # the periodicity file has one
                    continue
                names = [_SPELLING.get(name.lower(), name) for name in (field.strip('"') for field in fields)]
                if "sourceAddress" in names or "timestamp" in names:
                    return self._header(names)
                self._first = text
                further = (f"column{number}" for number in range(len(COLUMNS) + 1, len(fields) + 1))
                return (*COLUMNS, *further)
        except (EOFError, zlib.error) as error:
            raise self._unreadable(error) from error
        if self._line > 1:
            raise TraceError(f"{self.path} holds no access; is it a trace? Its rows are {','.join(COLUMNS)}")
        raise TraceError(f"{self.path} is empty; give a trace with at least one access")

    def _check_form(self, text: bytes) -> None:
        """Refuse, with the remedy, what the first line shows to be text of another form."""
        if text.startswith(_UTF_16):
            raise TraceError(f"{self.path} is UTF-16 text; save it as UTF-8, e.g. iconv -f UTF-16 -t UTF-8 FILE")
        lines = [part for part in text.split(b"\r") if b"," in part]
        if len(lines) > 1 and lines[0].count(b",") == lines[1].count(b","):
            raise TraceError(
                f"{self.path}: its lines end with a carriage return alone; let them end with a line feed, e.g."
                " tr '\\r' '\\n' < FILE"
            )

    def _header(self, names: Sequence[str]) -> tuple[str, ...]:
        if missing := [name for name in REQUIRED if name not in names]:
            raise TraceError(f"{self.path}:{self._line}: the header lacks {', '.join(missing)}; add these columns")
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise TraceError(f"{self.path}:{self._line}: the header names {', '.join(twice)} twice; rename one")
        return tuple(names)

    def _skip(self, reason: str, line: int | None = None) -> None:
        self.bad += 1
        if len(self.bad_rows) < NAMED:
            insort(self.bad_rows, BadRow(self._line if line is None else line, reason))
        if self.bad >= HOPELESS and not self.good:
            first = self.bad_rows[0]
            raise TraceError(
                f"{self.path}:{first.line}: {first.reason}; not one of {self.bad} rows is an access: is it a trace of"
                f" the data set? Its rows are {','.join(COLUMNS)}"
            )

    def _unreadable(self, error: Exception) -> TraceError:
        match error:
            case FileNotFoundError() if self.path == Path("-"):
                return TraceError("standard input cannot be evaluated; write it to a file, and give its path")
            case FileNotFoundError():
                return TraceError(f"{self.path} does not exist; give the path of a trace")
            case IsADirectoryError():
                return TraceError(f"{self.path} is a directory; give the path of a trace")
            case EOFError():
                return TraceError(f"{self.path}:{self._line + 1}: the compressed file is cut off here; copy it again")
            case zlib.error() | gzip.BadGzipFile():
                line = self._line + 1
                return TraceError(f"{self.path}:{line}: the compressed file is damaged: {error}; copy it again")
            case OSError():
                return TraceError(f"{self.path} cannot be read: {error.strerror or error}; check the path and rights")
        return TraceError(f"{self.path}:{self._line}: cannot be read: {error}")


class _Unzipped(io.RawIOBase):
    """A gzip file as raw bytes; closes the file below, too."""

    def __init__(self, binary: io.BufferedReader) -> None:
        self._binary = binary
        self._file = gzip.GzipFile(fileobj=binary, mode="rb")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # what BufferedReader hands over
        data = self._file.read1(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._file.close()
        self._binary.close()
        super().close()


def _split(text: bytes, width: int) -> list[str]:
    if len(text) >= LONGEST_LINE:
        raise _Bad(f"is longer than {LONGEST_LINE} bytes")
    if b"\0" in text:
        raise _Bad("holds a NUL byte")
    try:
        line = text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _Bad(f"is not UTF-8 text from byte {error.start + 1} on") from None
    fields = line.split(",")
    if '"' in line:
        # The data set quotes nothing, but whoever saved it again may have; a lone quote is part of a value.
        quoted = next(csv.reader([line]))
        if len(quoted) == width:
            fields = quoted
    if len(fields) != width:
        raise _Bad(f"has {len(fields)} columns, not {width}")
    return fields


class _Builder:
    """Makes accesses of the fields of rows."""

    def __init__(self, index: dict[str, int]) -> None:
        missing = len(index)  # one past the last field: what a file does not have is empty

        def place(name: str) -> int:
            return index.get(name, missing)

        self._source, self._destination = place("sourceAddress"), place("destinationServiceAddress")
        self._source_type, self._destination_type = place("sourceType"), place("destinationServiceType")
        self._source_location, self._destination_location = place("sourceLocation"), place("destinationLocation")
        self._node, self._data_type = place("accessedNodeAddress"), place("accessedNodeType")
        self._operation, self._value = place("operation"), place("value")
        self._timestamp, self._normality = place("timestamp"), place("normality")
        self._labels: dict[str, str] = {}

    def __call__(self, row: Sequence[str]) -> tuple[Access, str]:
        """Return the access of a row and its label.

        Raises:
            _Bad: the row makes none.
        """
        fields = [*row, ""]
        text = fields[self._operation]
        operation = OPERATIONS.get(text) or OPERATIONS.get(text.strip())
        if operation is None:
            raise _Bad(f"operation {_quoted(text)} is not known")
        label = self._labels.get(fields[self._normality]) or self._label(fields[self._normality])
        access = Access(
            time=_time(fields[self._timestamp]),
            source=_address(fields[self._source], "sourceAddress"),
            source_type=_feature(fields[self._source_type]),
            source_location=_feature(fields[self._source_location]),
            destination=_address(fields[self._destination], "destinationServiceAddress"),
            destination_type=_feature(fields[self._destination_type]),
            destination_location=_feature(fields[self._destination_location]),
            node=_address(fields[self._node], "accessedNodeAddress"),
            operation=operation,
            data_type=_feature(fields[self._data_type]),
            value=None if fields[self._value] in UNKNOWN else fields[self._value],
        )
        return access, label

    def _label(self, text: str) -> str:
        label = text.strip()
        if not label:
            raise _Bad("has no label: normality is empty")
        inner = label.removeprefix("anomalous(").removesuffix(")").strip()
        # What calls itself anomalous is, whatever is in the brackets.
        if label.startswith("anomalous(") and label.endswith(")") and inner not in {"", NORMAL}:
            label = inner
        label = sys.intern(label)
        if len(self._labels) < NAMED:
            self._labels[text] = label
        return label


def _time(text: str) -> int:
    if "_" in text or not text.isascii():  # which Python would read as numbers
        raise _Bad(f"timestamp {_quoted(text)} is not a number")
    try:
        time = int(text)
    except ValueError:
        try:
            number = float(text)  # services write times as the text of a Java double
        except ValueError:
            raise _Bad(f"timestamp {_quoted(text)} is not a number") from None
        if not math.isfinite(number):
            raise _Bad(f"timestamp {_quoted(text)} is not finite") from None
        time = round(number)
    if not 0 <= time < LATEST:
        raise _Bad(f"timestamp {_quoted(text)} is no time in milliseconds since 1970")
    return time


def _address(text: str, column: str) -> str:
    if len(text) < 2 or text[0] != "/" or text[1] == "/":  # noqa: PLR2004 -- a slash and a name
        text = text.strip()
        if len(text) < 2 or text[0] != "/" or text[1] == "/":  # noqa: PLR2004
            raise _Bad(f"{column} {_quoted(text)} is not an address such as /agent1/movement1")
    return sys.intern(text)


def _feature(text: str) -> str | None:
    text = text.strip()
    return None if text in UNKNOWN else sys.intern(text)


def _quoted(text: str) -> str:
    shown = repr(text)
    return shown if len(shown) <= 60 else f"{shown[:56]}...'"  # noqa: PLR2004 -- one line of a terminal
