"""Categorical features, binarised (paper, section II-E).

A one-hot vector has only zeros and ones, so its sums and its sums of squares are the same: one counter per category
is the whole clustering feature.
"""

from __future__ import annotations

SAME_ROOM = "same"
OTHER_ROOM = "other"


class Counts(dict[str, int]):
    """How often each category was seen. Categories that were never seen are absent, so equal counts are `==`."""

    def observe(self, category: str, times: int = 1) -> None:
        """Count a category."""
        if times:
            self[category] = self.get(category, 0) + times

    def absorb(self, other: Counts) -> None:
        """Add other counts to these, in place."""
        for category, times in other.items():
            self.observe(category, times)

    def release(self, other: Counts) -> None:
        """Take out what was added before, in place.

        Raises:
            ValueError: `other` cannot have been part of these counts; nothing was changed.
        """
        missing = [category for category, times in other.items() if self.get(category, 0) < times]
        if missing:
            raise ValueError(f"these counts were never added: {', '.join(sorted(missing))}")
        for category, times in other.items():
            rest = self[category] - times
            if rest:
                self[category] = rest
            else:
                del self[category]

    @property
    def total(self) -> int:
        """Number of observations."""
        return sum(self.values())

    def shares(self) -> list[tuple[str, float]]:
        """Return every category with its share of the observations, largest first."""
        total = self.total
        return sorted(((category, times / total) for category, times in self.items()), key=_by_share)


def _by_share(item: tuple[str, float]) -> tuple[float, str]:
    return -item[1], item[0]


def room(source: str | None, destination: str | None) -> str | None:
    """Return the category of a location: `same` or `other` room; None where one of the two is not known."""
    if source is None or destination is None:
        return None
    return SAME_ROOM if source == destination else OTHER_ROOM
