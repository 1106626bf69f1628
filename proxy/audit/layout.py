"""Names of the audit directory, beside the rest of the state, and of the files in it."""

from __future__ import annotations

import re
from pathlib import Path

DIRECTORY = "audit"

JOURNAL_FILE = "journal.jsonl"
"""The records, one per line, oldest first: the newest ones; those before are in the rotated files."""
FRESH_FILE = "journal.new"
"""The next `JOURNAL_FILE`, for the moment of a rotation."""
HEAD_FILE = "journal.head"
"""Number and hash of the newest record."""

SIGNED_FILE = "heads.signed"
"""The newest statement about all chains that the supervisor signed, beside its journal."""
PUBLIC_KEY_FILE = "heads.pub"
"""What it can be checked with."""
KEY_DIRECTORY = "audit-key"
"""Beside `DIRECTORY`, for the supervisor alone: the key that signs ..."""
KEY_FILE = "heads.key"
"""... is this file there."""

_ROTATED = re.compile(r"journal-(\d{16})\.jsonl")

SUPERVISOR = "supervisor"
"""What statements call its chain."""
WORKER = "worker-"
"""How the directories of the workers' own chains begin."""


def chain_of_worker(number: int) -> str:
    """Return the name of a worker's directory, within the one of the supervisor."""
    return f"{WORKER}{number}"


def chains(directory: Path) -> list[Path]:
    """Return the directories that hold journals: the supervisor's and, by number, those of its workers.

    Workers that are not used any more have left theirs.
    """
    workers = [path for path in directory.glob(f"{WORKER}*") if _is_worker(path)]
    return [directory, *sorted(workers, key=lambda path: int(path.name.removeprefix(WORKER)))]


def name_of_chain(directory: Path, chain: Path) -> str:
    """Return what a statement calls the chain in a directory: that of the supervisor, or one within."""
    return SUPERVISOR if chain == directory else chain.name


def directory_of_chain(directory: Path, name: str) -> Path:
    """Return the directory of a chain, within that of the supervisor, by its name."""
    return directory if name == SUPERVISOR else directory / name


def _is_worker(path: Path) -> bool:
    return path.name.startswith(WORKER) and path.name.removeprefix(WORKER).isdecimal()


def rotated_file(first: int) -> str:
    """Return what a journal file is called once it is rotated, by the number of its first record."""
    return f"journal-{first:016d}.jsonl"


def rotated(directory: Path) -> list[Path]:
    """Return the rotated files of a directory's journal, oldest first."""
    return sorted(path for path in directory.glob("journal-*.jsonl") if _ROTATED.fullmatch(path.name))


def first_of(path: Path) -> int:
    """Return the number of the first record of a rotated file, by its name."""
    return int(path.name.removeprefix("journal-").removesuffix(".jsonl"))
