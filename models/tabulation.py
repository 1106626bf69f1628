"""The paper's Table II as data and as text: one column for each partner type, each entry with its probability.

What the entries are is read from a model in `models.table`, and from a paper's model in `models.paper.table`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

UNKNOWN = "(unknown type)"
NARROW = 80
"""Characters of a terminal of which nothing else is known."""
_GUTTER = 2
_CELL = 34
"""Characters from which on a cell is wrapped, if it has to share the width with others."""
_LONGEST = 60
"""Characters of a name that are shown."""


class CountEntry(msgspec.Struct, frozen=True, kw_only=True):
    """How many partners of one type an instance talks to within a minute."""

    mean: float
    deviation: float
    """Standard deviation."""
    probability: float
    """Share of the descriptors that show this."""


class PeriodEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One period, in seconds."""

    centre: float
    deviation: float
    """Standard deviation."""
    probability: float
    """Share of the gaps that are of this period."""


class ValuesEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What is written."""

    low: float | None
    """Range of the numbers; `None` where numbers are not judged."""
    high: float | None
    others: int
    """Kinds of values that are no numbers."""


class FollowsEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What comes before nearly every access."""

    names: list[str]
    """Operation and data type; more than one where they cannot be told apart."""
    within: float
    """Seconds."""


class RowEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one operation on one data type."""

    operation: str
    data_type: str | None
    """`None` where a model does not tell data types apart here."""
    weight: int
    """Descriptors that show it: the paper's relationshipWeight."""
    accesses: int | None
    """Accesses that taught it; `None` where a model does not count them."""
    periods: list[PeriodEntry]
    values: ValuesEntry | None = None
    follows: FollowsEntry | None = None


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a service type does to one partner type."""

    partner: str
    """Empty where it is not known."""
    own: bool
    """Whether the nodes are the service's own."""
    probability: float
    """Share of the descriptors that show the partner type."""
    at_least: bool
    """Whether that is only a lower bound."""
    counts: list[CountEntry]
    same_location: float | None
    """Share of the relationships within one room; `None` where no locations are known."""
    rows: list[RowEntry]
    operations: dict[str, float]
    """Shares, largest first."""
    data_types: dict[str, float]
    """Shares, largest first; empty where no data types are known."""


class ToldEntry(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a model others told, in instance-minutes."""

    site: int
    """The other nodes of the own site."""
    elsewhere: int
    """Other sites."""
    sites: int
    """How many these are."""


class TypeTable(msgspec.Struct, frozen=True, kw_only=True):
    """Table II of one service type."""

    service_type: str
    """Empty where it is not known."""
    weight: int
    """Descriptors, that is minutes of instances: the paper's modelWeight."""
    columns: list[Column]
    told: ToldEntry | None = None
    """How much of it was not learnt here; `None` where all was."""


def shown(name: str) -> str:
    """Return a name that cannot move a cursor or fill a screen; types come from whoever writes a trace or registers."""
    safe = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in name)
    return safe if len(safe) <= _LONGEST else f"{safe[: _LONGEST - 3]}..."


def probability(share: float) -> str:
    """Return a probability with two decimals, and no 0 for what does happen."""
    return "<0.01" if 0 < share < 0.005 else f"{share:.2f}"  # noqa: PLR2004 -- what rounds to 0.00


def seconds(value: float) -> str:
    """Return a time in the unit in which people say it."""
    for size, unit in ((3600, "h"), (60, "min")):
        if value >= 2 * size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g} s" if value >= 1 or not value else f"{value * 1000:.3g} ms"


def entries(table: TypeTable) -> list[tuple[str, list[list[str]]]]:
    """Return the rows of a table: the label, and for each column the lines of its cell."""
    columns = table.columns
    found = [
        ("Partner type", [[_partner(each)] for each in columns]),
        ("# partner type", [[*map(_count, each.counts)] for each in columns]),
        ("Same location", [_location(each.same_location) for each in columns]),
    ]
    operations = dict.fromkeys(row.operation for column in columns for row in column.rows)
    for label, of in (("Periods", _periods), ("Values", _values), ("Follows", _follows)):
        for operation in operations:
            cells = [[*_told(column, operation, of)] for column in columns]
            found.append((f'{label} "{shown(operation)}"', cells))
    found.append(("Operation types", [[*_shares(each.operations)] for each in columns]))
    found.append(("Data types", [[*_shares(each.data_types)] for each in columns]))
    return [(label, cells) for label, cells in found if any(cells)]


def render(table: TypeTable, width: int = NARROW) -> str:
    """Return a table for a terminal: as many partner types beside each other as its width allows, the rest below.

    Args:
        table: The table.
        width: Characters of a line.
    """
    lines = [f"{shown(table.service_type) or UNKNOWN}: {table.weight} instance-minutes{_origin(table)}"]
    rows = entries(table)
    margin = 2 + max((len(label) for label, _ in rows), default=0)
    room = max(width - margin - _GUTTER, 1)
    cells = [
        [[*_wrapped(cells[index], min(room, _CELL) if len(table.columns) > 1 else room)] for _, cells in rows]
        for index in range(len(table.columns))
    ]
    for band in _bands(cells, room):
        widths = [_width(cells[index]) for index in band]
        lines.append("")
        for place, (label, _) in enumerate(rows):
            lines += _lines(label.ljust(margin - 2), [cells[index][place] for index in band], widths)
    return "\n".join(lines)


def _origin(table: TypeTable) -> str:
    told = table.told
    if told is None:
        return ""
    parts = [f"{table.weight - told.site - told.elsewhere} learnt here"]
    if told.site:
        parts.append(f"{told.site} by other nodes of this site")
    if told.sites:
        parts.append(f"{told.elsewhere} by {told.sites} other site{'s' * (told.sites > 1)}")
    return f" ({', '.join(parts)})"


def _bands(columns: Sequence[Sequence[Sequence[str]]], room: int) -> Iterator[list[int]]:
    """Yield the columns that go beside each other; `room` is what they may take together."""
    band: list[int] = []
    taken = 0
    for index, column in enumerate(columns):
        needs = _width(column) + _GUTTER
        if band and taken + needs > room + _GUTTER:
            yield band
            band, taken = [], 0
        band.append(index)
        taken += needs
    if band:
        yield band


def _width(column: Sequence[Sequence[str]]) -> int:
    return max((len(line) for cell in column for line in cell), default=0)


def _lines(label: str, cells: Sequence[Sequence[str]], widths: Sequence[int]) -> Iterator[str]:
    """Yield the lines of one row; nothing where every cell of it is empty."""
    for number in range(max(map(len, cells))):
        parts = [cell[number] if number < len(cell) else "" for cell in cells]
        text = (" " * _GUTTER).join(part.ljust(width) for part, width in zip(parts, widths, strict=True))
        yield f"  {label if not number else ' ' * len(label)}{' ' * _GUTTER}{text}".rstrip()


def _wrapped(lines: Iterable[str], width: int) -> Iterator[str]:
    for line in lines:
        yield from textwrap.wrap(line, width, subsequent_indent="  " if width > _CELL // 2 else "") or [""]


def _partner(column: Column) -> str:
    share = probability(column.probability)
    of = f"≥ {share}" if column.at_least and share[0] != "<" else share
    return f"{shown(column.partner) or UNKNOWN}{' (itself)' if column.own else ''} ({of})"


def _count(entry: CountEntry) -> str:
    return f"{entry.mean:.1f} ± {entry.deviation:.1f} ({probability(entry.probability)})"


def _location(same: float | None) -> list[str]:
    if same is None:
        return []
    return [f"yes ({probability(same)})" if same >= 1 - same else f"no ({probability(1 - same)})"]


def _told(column: Column, operation: str, of: Callable[[RowEntry], str]) -> Iterator[str]:
    """Yield a line for each data type, which is named where there are several."""
    rows = [row for row in column.rows if row.operation == operation]
    for row in rows:
        text = of(row)
        if text:
            yield f"{shown(row.data_type or UNKNOWN)}: {text}" if len(rows) > 1 else text


def _periods(row: RowEntry) -> str:
    return f"[{'; '.join(seconds(each.centre) for each in row.periods)}]"


def _values(row: RowEntry) -> str:
    found = row.values
    if found is None:
        return ""
    parts = [] if found.low is None or found.high is None else [f"{found.low:g} to {found.high:g}"]
    if found.others:
        parts.append(f"{found.others} other{'s' * (found.others > 1)}")
    return "; ".join(parts)


def _follows(row: RowEntry) -> str:
    found = row.follows
    return "" if found is None else f"{' or '.join(map(shown, found.names))}, within {seconds(found.within)}"


def _shares(shares: Mapping[str, float]) -> Iterator[str]:
    return (f"{shown(name)} ({probability(share)})" for name, share in shares.items())
