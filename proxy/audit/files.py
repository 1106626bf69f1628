"""The files of one chain: the rotated ones and the one that is written, opened in order, rotated, and removed."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import BinaryIO

from proxy.audit.layout import FRESH_FILE, JOURNAL_FILE, first_of, rotated, rotated_file
from proxy.audit.retention import Stored


def opened(directory: Path, *, after: int = 0) -> Generator[BinaryIO]:
    """Yield the files of a chain for reading, oldest first, also while it is written and rotated.

    Args:
        directory: Of the chain.
        after: Files that hold only records up to that number are left out.

    Raises:
        OSError: if one cannot be read; `FileNotFoundError` where there is no journal.
    """
    # Opened before the others are listed: what is rotated meanwhile is not missed, and not read twice.
    with (directory / JOURNAL_FILE).open("rb") as current:
        paths = rotated(directory)
        for path, following in itertools.zip_longest(paths, paths[1:]):
            if following is not None and first_of(following) <= after + 1:
                continue
            with contextlib.suppress(FileNotFoundError), path.open("rb") as file:  # kept no longer
                if same(file, current):
                    break
                yield file
        yield current


def opened_newest_first(directory: Path) -> Iterator[BinaryIO]:
    """Yield the files of a chain for reading, newest first, also while it is written and rotated.

    Raises:
        OSError: if one cannot be read; `FileNotFoundError` where there is no journal.
    """
    with (directory / JOURNAL_FILE).open("rb") as current:
        paths = rotated(directory)
        yield current
        for path in reversed(paths):
            with contextlib.suppress(FileNotFoundError), path.open("rb") as file:  # kept no longer
                if not same(file, current):
                    yield file


def follower(directory: Path, file: BinaryIO) -> BinaryIO | None:
    """Return the file that comes after an open one, opened; None if that one is still being written.

    Where that one was removed, the oldest that there is.

    Raises:
        OSError: if it cannot be read.
    """
    current = (directory / JOURNAL_FILE).open("rb")
    if same(file, current):
        current.close()
        return None
    here = os.fstat(file.fileno())
    later: list[Path] = []
    for path in rotated(directory):
        with contextlib.suppress(FileNotFoundError):
            later = [] if os.path.samestat(path.stat(), here) else [*later, path]
    for path in later:
        with contextlib.suppress(FileNotFoundError):  # kept no longer
            found = path.open("rb")
            current.close()
            return found
    return current


def name_of(file: BinaryIO) -> str:
    """Return the name of a file of `opened`, without its directory."""
    return Path(file.name).name


def same(one: BinaryIO, other: BinaryIO) -> bool:
    """Tell whether two open files are one."""
    return os.path.sameopenfile(one.fileno(), other.fileno())


def stored(paths: list[Path]) -> list[Stored]:
    """Return sizes and ages of rotated files.

    Raises:
        OSError: if one cannot be looked at.
    """
    found = [path.stat() for path in paths]
    return [Stored(each.st_size, each.st_mtime) for each in found]


def finish_rotation(directory: Path) -> None:
    """Undo a rotation that a crash left half done: the newest rotated file is still the one that is written.

    Raises:
        OSError: if that fails.
    """
    (directory / FRESH_FILE).unlink(missing_ok=True)
    with contextlib.suppress(FileNotFoundError):
        for path in rotated(directory)[-1:]:
            if path.samefile(directory / JOURNAL_FILE):
                path.unlink()


def rotate(directory: Path, first: int) -> None:
    """Give the journal file its rotated name, and put `FRESH_FILE` in its place; nothing is ever written over.

    There is a journal file at every moment, so that readers find one.

    Raises:
        OSError: if that fails; the journal file is then as it was.
    """
    aside = directory / rotated_file(first)
    os.link(directory / JOURNAL_FILE, aside)
    try:
        (directory / FRESH_FILE).replace(directory / JOURNAL_FILE)
    except OSError:
        aside.unlink()
        raise
    _settle(directory)


def remove(paths: list[Path]) -> None:
    """Remove rotated files.

    Raises:
        OSError: if one cannot be removed.
    """
    for path in paths:
        path.unlink()
        _settle(path.parent)


def _settle(directory: Path) -> None:
    """Force the names in a directory to the medium."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
