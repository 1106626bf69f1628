"""The audit log as a whole: the chains of the supervisor and its workers, merged by time as they are read."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from proxy.audit import reader
from proxy.audit import verify as chain
from proxy.audit.files import opened
from proxy.audit.keys import PublicKey
from proxy.audit.layout import JOURNAL_FILE, chain_of_worker, chains, directory_of_chain, name_of_chain
from proxy.audit.lines import lines
from proxy.audit.reader import AmbiguousIdError, Record, Tail
from proxy.audit.signatures import NONE, Signatures, read_signatures
from proxy.audit.statement import Signed

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


@dataclass(frozen=True)
class Verification:
    """What was found out about the whole log."""

    chains: dict[Path, chain.Report]
    """By the directory of the chain."""
    signatures: Signatures

    @property
    def ok(self) -> bool:
        """Whether nothing was changed, taken out or put in, as far as can be known."""
        return self.signatures.problem is None and all(report.ok for report in self.chains.values())


def verify(directory: Path, key: PublicKey | None = None, kept: Sequence[Signed] = ()) -> Verification:
    """Check every chain that there should be, against itself and against what was signed.

    The supervisor's chain says how many workers there were, and statements name all chains, so that whole chains cannot
    go unnoticed; without a key, that the supervisor's was taken out as well shows only where another is left.

    Args:
        directory: Of the audit log.
        key: The gateway's public key; None to check without signatures.
        kept: Signed statements that were kept elsewhere.

    Raises:
        OSError: if a journal cannot be read.
    """
    there = journals(directory)
    known = NONE if key is None else read_signatures(directory, key, kept)
    expected = {directory, *there, *chains(directory)}
    if directory in there:
        expected |= {directory / chain_of_worker(number) for number in range(_most_workers(directory))}
    if known.newest is not None:
        expected |= {directory_of_chain(directory, name) for name in known.newest.heads}
    reports: dict[Path, chain.Report] = {}
    for each in sorted(expected, key=_order):
        signed = None if known.newest is None else known.signed.get(name_of_chain(directory, each), {})
        reports[each] = chain.verify(each, signed) if each in there else _gone(each)
    return Verification(reports, known)


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
