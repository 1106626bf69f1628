"""Models on disk: written atomically, with the previous generation kept."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from models.analyzer import Analyzer
from proxy.storage.ownership import give_to_owner_of

CURRENT = "models.bin"
PREVIOUS = "models.previous.bin"
DAMAGED = "models.damaged.bin"


class ModelStoreError(Exception):
    """Stored models that cannot be used; the text names the file and the remedy."""


@dataclass(frozen=True)
class Loaded:
    """What was found on disk."""

    analyzer: Analyzer | None
    """None where nothing has been stored yet."""
    warning: str | None = None
    """Set where the current generation was damaged and the previous one is used."""


class ModelStore:
    """Two generations of an analyzer's state in one directory."""

    def __init__(self, directory: Path) -> None:
        self._current = directory / CURRENT
        self._previous = directory / PREVIOUS
        self._damaged = directory / DAMAGED
        self._current_is_good = False

    def save(self, state: bytes) -> None:
        """Write a new generation; after a crash at any point one whole generation is left.

        Raises:
            OSError: the disk refuses.
        """
        fresh = self._current.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            give_to_owner_of(fresh.parent, file.fileno())
            file.write(state)
            file.flush()
            os.fsync(file.fileno())
        if self._current.exists():
            # A damaged generation must not push out the good one before it; it is kept for whoever wants to look.
            self._current.replace(self._previous if self._current_is_good else self._damaged)
        fresh.replace(self._current)
        self._current_is_good = True
        directory = os.open(self._current.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def load(self) -> Loaded:
        """Read the newest usable generation.

        Raises:
            ModelStoreError: there are stored models and none of them can be read. Nothing is deleted.
        """
        problems: list[str] = []
        for path in (self._current, self._previous):
            try:
                state = path.read_bytes()
            except FileNotFoundError:
                continue
            except OSError as error:
                problems.append(f"{path}: {error.strerror}")
                continue
            try:
                analyzer = Analyzer.load(state)
            except ValueError as error:
                problems.append(f"{path}: {error}")
                continue
            self._current_is_good = path == self._current
            warning = f"{problems[0]}; going on with {path}" if problems else None
            return Loaded(analyzer=analyzer, warning=warning)
        if problems:
            raise ModelStoreError(
                "; ".join(problems) + "; restore these files from a backup, or move them away to learn from the start"
            )
        return Loaded(analyzer=None)
