"""Models on disk: written atomically, with the previous generation kept; each scoring has files of its own."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from models.analyzer import Analyzer
from models.paper.analyzer import PaperAnalyzer
from policy.document import Scoring
from proxy.storage.ownership import give_to_owner_of

CURRENT = "models.bin"
PREVIOUS = "models.previous.bin"
DAMAGED = "models.damaged.bin"

type AnyAnalyzer = Analyzer | PaperAnalyzer

_ANALYZERS: dict[Scoring, type[Analyzer | PaperAnalyzer]] = {
    Scoring.ALLEYES: Analyzer,
    Scoring.PAPER: PaperAnalyzer,
}


def file_name(generation: str, scoring: Scoring) -> str:
    """Return the name of a generation's file: `models.bin`, `models.paper.bin`. No scoring reads the other's."""
    return generation if scoring is Scoring.ALLEYES else generation.replace("models.", f"models.{scoring}.", 1)


class ModelStoreError(Exception):
    """Stored models that cannot be used; the text names the file and the remedy."""


@dataclass(frozen=True)
class Loaded:
    """What was found on disk."""

    analyzer: AnyAnalyzer | None
    """None where nothing has been stored yet."""
    state: bytes | None = None
    """What it was read from."""
    warning: str | None = None
    """Set where the current generation was damaged and the previous one is used, and where there are only models of
    another scoring."""


class ModelStore:
    """Two generations of an analyzer's state in one directory. What another scoring has stored there stays there."""

    def __init__(self, directory: Path, scoring: Scoring = Scoring.ALLEYES) -> None:
        self._scoring = scoring
        self._directory = directory
        self._current = directory / file_name(CURRENT, scoring)
        self._previous = directory / file_name(PREVIOUS, scoring)
        self._damaged = directory / file_name(DAMAGED, scoring)
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
                analyzer = _ANALYZERS[self._scoring].load(state)
            except ValueError as error:
                problems.append(f"{path}: {error}")
                continue
            self._current_is_good = path == self._current
            warning = f"{problems[0]}; going on with {path}" if problems else None
            return Loaded(analyzer=analyzer, state=state, warning=warning)
        if problems:
            raise ModelStoreError(
                "; ".join(problems) + "; restore these files from a backup, or move them away to learn from the start"
            )
        return Loaded(analyzer=None, warning=self._others())

    def _others(self) -> str | None:
        kept = [self._directory / file_name(CURRENT, each) for each in Scoring if each is not self._scoring]
        names = ", ".join(str(path) for path in kept if path.exists())
        if not names:
            return None
        return f"no models of scoring {self._scoring} yet: it learns from the start; those of another stay in {names}"
