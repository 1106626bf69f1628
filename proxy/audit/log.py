"""The audit log as a whole: the chains of the supervisor and its workers, merged by time as they are read."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from proxy.audit import reader
from proxy.audit import verify as chain
from proxy.audit.files import opened
from proxy.audit.layout import JOURNAL_FILE, chain_of_worker, chains
from proxy.audit.lines import lines
from proxy.audit.reader import AmbiguousIdError, Record, Tail

_POLL_SECONDS = 0.2
_START = b'"kind":"start"'


def journals(directory: Path) -> list[Path]:
    """Return the directories that hold a journal, the supervisor's first.

    Raises:
        FileNotFoundError: there is none.
    """
    found = [each for each in chains(directory) if (each / JOURNAL_FILE).exists()]
    if not found:
        raise FileNotFoundError(directory / JOURNAL_FILE)
    return found


def newest(directory: Path, count: int) -> list[Record]:
    """Return the newest `count` records of all chains, oldest of them first.

    Raises:
        OSError: if a journal cannot be read.
    """
    found = [record for each in journals(directory) for record in reader.newest(each, count)]
    return sorted(found, key=_when)[max(0, len(found) - count) :]


def follow(directory: Path, count: int) -> Iterator[Record]:
    """Yield the newest `count` records, then each new one as it is written; does not end.

    Raises:
        OSError: if a journal cannot be read.
    """
    tails = {each: Tail(each, count) for each in journals(directory)}
    first = sorted((record for tail in tails.values() for record in tail.take()), key=_when)
    yield from first[max(0, len(first) - count) :]
    while True:
        time.sleep(_POLL_SECONDS)
        # A worker that was added begins a journal of its own.
        tails |= {each: Tail(each, sys.maxsize) for each in journals(directory) if each not in tails}
        yield from sorted((record for tail in tails.values() for record in tail.take()), key=_when)


def find(directory: Path, prefix: str) -> Record | None:
    """Return the record whose id is, or uniquely begins with, `prefix`; None if there is none.

    Raises:
        AmbiguousIdError: if several ids begin so and none is equal.
        OSError: if a journal cannot be read.
    """
    found: list[Record] = []
    candidates: list[str] = []
    for each in journals(directory):
        try:
            record = reader.find(each, prefix)
        except AmbiguousIdError as ambiguous:
            candidates += ambiguous.candidates
            continue
        if record is not None and record.data.get("id") == prefix:
            return record
        found += [record] if record is not None else []
    candidates += [str(record.data["id"]) for record in found]
    if len(candidates) > 1:
        raise AmbiguousIdError(prefix, candidates)
    return found[0] if found else None


def verify(directory: Path) -> dict[Path, chain.Report]:
    """Check every chain that there should be; return what was found by its directory.

    The supervisor's chain says how many workers there were, so that whole chains cannot go unnoticed; that this one was
    taken out as well shows only where another is left.

    Raises:
        OSError: if a journal cannot be read.
    """
    there = journals(directory)
    expected = {directory, *there, *chains(directory)}
    if directory in there:
        expected |= {directory / chain_of_worker(number) for number in range(_most_workers(directory))}
    return {each: chain.verify(each) if each in there else _gone(each) for each in sorted(expected, key=_order)}


def _most_workers(directory: Path) -> int:
    """Return how many workers the gateway had at most, according to the supervisor's chain."""
    starts = (reader.parse(line) for file in opened(directory) for line in lines(file) if _START in line)
    counts = [record.data.get("details", {}).get("workers") for record in starts if record is not None]
    return max((count for count in counts if isinstance(count, int)), default=0)


def _gone(directory: Path) -> chain.Report:
    found = chain.Finding(chain.Damage.MISSING, JOURNAL_FILE, 1, directory.name, "was taken out as a whole")
    return chain.Report(first=found, damages=1)


def _order(directory: Path) -> tuple[int, str]:
    return len(directory.parts), directory.name


def _when(record: Record) -> str:
    return str(record.data.get("time", ""))
