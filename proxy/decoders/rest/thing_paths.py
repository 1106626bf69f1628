"""Which Thing each path belongs to: to one, also where another one has a variable there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from proxy.decoders.rest.thing_claims import VARIABLE, Path, canonical
from proxy.decoders.rest.thing_routes import TooMuch

_SEVERAL = ""
"""Instead of the one who has paths somewhere."""


def _beginnings(path: Path) -> Iterator[Path]:
    return (path[:length] for length in range(1, len(path) + 1))


def _before_variables(path: Path) -> Path:
    return path[: path.index(VARIABLE)] if VARIABLE in path else path


class Claims:
    """Who has which path. All paths are as `canonical` makes them; work is linear in what is claimed."""

    def __init__(self) -> None:
        self._literal: dict[Path, str] = {}
        self._areas: dict[Path, str] = {}
        """Whose everything is that begins so: there a path has a variable."""
        self._below: dict[Path, str] = {}
        """By the beginning of paths who alone has such, or `_SEVERAL`."""

    def holder(self, path: Path) -> str | None:
        """Return whose a path is."""
        known = self._literal.get(path)
        if known is None and self._areas:
            known = next((owner for each in _beginnings(path) if (owner := self._areas.get(each)) is not None), None)
        return known

    def reserve(self, claims: Sequence[tuple[str, Iterable[Path]]]) -> None:
        """Let those of some paths that nobody has belong to services.

        Args:
            claims: Services and their paths. Of one path, the first has it; no path with a variable comes before those
                without.
        """
        opened: list[tuple[str, Path]] = []
        for service, paths in claims:
            for path in paths:
                if VARIABLE in path:
                    opened.append((service, _before_variables(path)))
                elif self.holder(path) is None:
                    self._take(path, service)
        for service, base in opened:
            if base and self.holder(base) in {None, service} and self._below.get(base, service) == service:
                self._areas[base] = service
                self._note(base, service)

    def claim(self, paths: Iterable[Path], service: str) -> None:
        """Let paths belong to a service.

        Raises:
            TooMuch: another one has one of them; nothing was claimed.
        """
        made = [(path, canonical(path)) for path in paths]
        for given, path in made:
            other = self.holder(path)
            if other is not None and other != service:
                raise TooMuch(
                    f"claims /{'/'.join(given)}, which belongs to {other} -- each Thing needs paths of its own"
                )
        self.reserve([(service, [path for _, path in made])])

    def closed(self, path: Path, service: str) -> str | None:
        """Return why a service may not have a path with a variable; None where it may, and nobody else below it."""
        first = path[:1]
        if VARIABLE in first:
            return "a path that begins with a variable could be any other Thing's"
        if self.holder(first) not in {None, service} or self._below.get(first, service) != service:
            return f"what a variable stands for below /{first[0]} could be another Thing's, as not all there is its own"
        self._areas[first] = service
        self._note(first, service)
        return None

    def _take(self, path: Path, service: str) -> None:
        self._literal[path] = service
        self._note(path, service)

    def _note(self, path: Path, service: str) -> None:
        for each in _beginnings(path):
            if self._below.setdefault(each, service) != service:
                self._below[each] = _SEVERAL
