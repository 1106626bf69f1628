"""Goes through the whole log, all chains and rotated files, record by record: newest first or oldest first."""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Iterator, Mapping
from pathlib import Path

from proxy.audit.files import opened, opened_newest_first
from proxy.audit.layout import name_of_chain
from proxy.audit.lines import lines, lines_newest_first
from proxy.audit.log import journals
from proxy.audit.query import Query
from proxy.audit.reader import Record, parse

_PATIENCE = 1000
"""Records before the wanted time after which none is looked for any more: clocks may have been set back."""


def search(directory: Path, query: Query) -> Iterator[Record]:
    """Yield what fits, newest first; in constant memory, whatever the size of the log.

    Raises:
        OSError: if a journal cannot be read.
    """
    found = [_backwards(each, query) for each in journals(directory)]
    return heapq.merge(*found, key=_when, reverse=True)


def after(directory: Path, query: Query, positions: Mapping[str, int]) -> Iterator[tuple[str, int, Record]]:
    """Yield what fits after a position in each chain, oldest first, with chain and number.

    Args:
        directory: Of the audit log.
        query: What fits.
        positions: Number of the last record that is not wanted any more, by the name of its chain.

    Raises:
        OSError: if a journal cannot be read.
    """
    chains = {name_of_chain(directory, each): each for each in journals(directory)}
    found = [_forwards(name, each, query, positions.get(name, 0)) for name, each in chains.items()]
    return heapq.merge(*found, key=lambda each: _when(each[2]))


def _backwards(directory: Path, query: Query) -> Iterator[Record]:
    before = 0
    for file in opened_newest_first(directory):
        for line in lines_newest_first(file):
            record = parse(line)
            if record is None:
                continue
            if query.since is not None and _when(record) < query.since:
                before += 1
                if before > _PATIENCE:
                    return
            elif query.may_fit(line) and query.fits(record):
                yield record


def _forwards(name: str, directory: Path, query: Query, position: int) -> Iterator[tuple[str, int, Record]]:
    with contextlib.closing(opened(directory, after=position)) as files:
        for file in files:
            for line in lines(file):
                record = parse(line) if line.endswith(b"\n") and query.may_fit(line) else None
                if record is None:
                    continue
                number = record.data.get("sequence")
                if isinstance(number, int) and number > position and query.fits(record):
                    yield name, number, record


def _when(record: Record) -> str:
    return str(record.data.get("time", ""))
