"""Which site an agent belongs to, where a trace holds several."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_RANGE = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")
_NUMBER = re.compile(r"[0-9]{1,9}$")
ELSEWHERE = "0"
"""Site of the agents that were not named."""


@dataclass(frozen=True)
class SiteMap:
    """Sites as ranges of agent numbers."""

    ranges: tuple[tuple[int, int], ...] = ()
    _found: dict[str, str] = field(default_factory=dict, compare=False)

    @classmethod
    def parse(cls, text: str) -> SiteMap:
        """Read sites as a user writes them: one range of agent numbers each, e.g. `1-6,10-11,12-14,20-29`.

        Raises:
            ValueError: the text is not of this form, a range is upside down, or two overlap; the message says which.
        """
        ranges: list[tuple[int, int]] = []
        for part in text.split(","):
            match = _RANGE.fullmatch(part.strip())
            if match is None:
                raise ValueError(f"{part.strip()!r} is not a range of agent numbers; write e.g. 1-6,10-11,20")
            first, last = int(match[1]), int(match[2] or match[1])
            if last < first:
                raise ValueError(f"{part.strip()!r} ends before it begins")
            for low, high in ranges:
                if first <= high and low <= last:
                    raise ValueError(f"{part.strip()!r} overlaps with {low}-{high}: an agent is in one site")
            ranges.append((first, last))
        return cls(tuple(ranges))

    def of(self, agent: str) -> str:
        """Return the name of an agent's site; all agents that no range names are one site of their own."""
        site = self._found.get(agent)
        if site is None:
            if len(self._found) >= 65_536:  # noqa: PLR2004 -- names come from a file, memory is bounded
                self._found.clear()
            site = self._found[agent] = self._look_up(agent)
        return site

    def _look_up(self, agent: str) -> str:
        number = _NUMBER.search(agent)
        if number is not None:
            for index, (first, last) in enumerate(self.ranges, start=1):
                if first <= int(number[0]) <= last:
                    return str(index)
        return ELSEWHERE
