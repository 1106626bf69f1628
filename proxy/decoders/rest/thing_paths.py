"""Which Thing each path belongs to: to one, also where another one has a variable there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from proxy.decoders.rest.thing_routes import Path, TooMuch, is_open, shape

_MOST_OPEN = 256
"""Paths with variables, of all Things: each is compared with every other path."""


def _overlap(path: Path, other: Path) -> bool:
    return all(a in {b, "{}"} or b == "{}" for a, b in zip(path, other, strict=True))


class Claims:
    """Who has which path."""

    def __init__(self) -> None:
        self._literal: dict[Path, str] = {}
        self._open: dict[Path, str] = {}
        self._literal_by_length: dict[int, list[Path]] = {}

    def reserve(self, paths: Iterable[Path], service: str) -> None:
        """Let those of some paths that nobody has belong to a service."""
        for path in map(shape, paths):
            if self._other(path, service) is None and (not is_open(path) or len(self._open) < _MOST_OPEN):
                self._take(path, service)

    def claim(self, paths: Sequence[Path], service: str) -> None:
        """Let paths belong to a service.

        Raises:
            TooMuch: another one has one of them, or there are too many with variables; nothing was claimed.
        """
        shapes = list(dict.fromkeys(map(shape, paths)))
        if sum(is_open(path) and path not in self._open for path in shapes) + len(self._open) > _MOST_OPEN:
            raise TooMuch(f"the Things have more than {_MOST_OPEN} paths with variables")
        for path, given in zip(map(shape, paths), paths, strict=True):
            other = self._other(path, service)
            if other is not None:
                raise TooMuch(
                    f"claims /{'/'.join(given)}, which belongs to {other} -- each Thing needs paths of its own"
                )
        for path in shapes:
            self._take(path, service)

    def _take(self, path: Path, service: str) -> None:
        if is_open(path):
            self._open[path] = service
        elif path not in self._literal:
            self._literal[path] = service
            self._literal_by_length.setdefault(len(path), []).append(path)

    def _other(self, path: Path, service: str) -> str | None:
        known = self._literal.get(path)
        if known is not None:
            return known if known != service else None
        for taken, other in self._open.items():
            if other != service and len(taken) == len(path) and _overlap(path, taken):
                return other
        if is_open(path):
            for taken in self._literal_by_length.get(len(path), ()):
                if self._literal[taken] != service and _overlap(path, taken):
                    return self._literal[taken]
        return None
