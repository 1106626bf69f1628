"""Who backs up what was seen: what one caller sent once is not to shape what is proposed to the operator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

_ENOUGH = 2
"""Callers, or times of one caller, from which on something counts."""
_MOST_CALLERS = 16


@dataclass
class Backers:
    """Callers, each with the first two times at which it called. Bounded."""

    times: dict[str, set[int]] = field(default_factory=dict)
    trusted: bool = False
    """Whether the operator said that one of them is enough."""

    def add(self, caller: str, time: int, *, trusted: bool) -> None:
        """Take note of a caller.

        Args:
            caller: Its address.
            time: When, in spans of time within which its calls count as one.
            trusted: Whether the operator takes its word alone.
        """
        self.trusted |= trusted
        times = self.times.get(caller)
        if times is None:
            if len(self.times) == _MOST_CALLERS:
                return
            times = self.times[caller] = set()
        if len(times) < _ENOUGH:
            times.add(time)

    def merge(self, other: Backers) -> None:
        """Take over those of something else."""
        for caller, times in other.times.items():
            for time in times:
                self.add(caller, time, trusted=other.trusted)

    @property
    def several(self) -> bool:
        """Whether more than one caller is behind it, or one that is trusted."""
        return len(self.times) >= _ENOUGH or self.trusted

    @property
    def counts(self) -> bool:
        """Whether it is more than what one caller tried once."""
        return self.several or any(len(times) >= _ENOUGH for times in self.times.values())


class Backed[Name: (str, tuple[str, str])]:
    """Names, each with who is behind it. Bounded: of what does not count, the caller's own or the oldest gives way."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._names: dict[Name, Backers] = {}

    def __len__(self) -> int:
        """Return the number of names."""
        return len(self._names)

    def __iter__(self) -> Iterator[Name]:
        """Yield the names, those with the most callers first."""
        yield from sorted(self._names, key=lambda name: (-len(self._names[name].times), name))

    def __getitem__(self, name: Name) -> Backers:
        """Return who is behind a name."""
        return self._names[name]

    def add(self, name: Name, caller: str, time: int, *, trusted: bool) -> None:
        """Take note of a caller of a name; see `Backers.add`."""
        backers = self._names.get(name)
        if backers is None:
            if len(self._names) >= self._most and not self._make_room(caller):
                return
            backers = self._names[name] = Backers()
        backers.add(caller, time, trusted=trusted)

    def _make_room(self, caller: str) -> bool:
        waiting = [name for name, backers in self._names.items() if not backers.counts]
        own = (name for name in waiting if caller in self._names[name].times)
        name = next(own, waiting[0] if waiting else None)
        if name is None:
            return False
        del self._names[name]
        return True

    def put(self, name: Name, backers: Backers) -> None:
        """Take over a name with those who are behind it; what is merged is bounded by what it comes from."""
        self._names.setdefault(name, Backers()).merge(backers)

    def merge(self, other: Backed[Name]) -> None:
        """Take over all names of another table."""
        for name, backers in other._names.items():
            self.put(name, backers)

    @property
    def counting(self) -> list[Name]:
        """The names that count, those with the most callers first."""
        return [name for name in self if self._names[name].counts]

    @property
    def seldom(self) -> list[Name]:
        """The names that do not."""
        return [name for name in self if not self._names[name].counts]
