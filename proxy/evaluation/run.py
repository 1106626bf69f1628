"""The loop: judge a trace row by row, test then learn, and keep what became of the rows that count."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from time import perf_counter

import msgspec

from models.evaluation import Figures, Outcomes, errors_over_time, figures
from proxy.evaluation.subject import Miner, Subject
from proxy.evaluation.trace import BadRow, Row, Trace, TraceError
from proxy.evaluation.whitelist import WhitelistSubject

CHUNK = 8192
"""Rows that are parsed, then judged: parsing stays out of the measured time, and the trace out of the memory."""
TOLERATED = 0.01
"""Share of bad rows above which the figures would be of another trace than the one that was given."""
HOUR = 3_600_000
LATE = 60_000
"""Milliseconds after the newest row so far beyond which a row counts as late: the trace is hardly sorted."""


class WhitelistFigures(msgspec.Struct, kw_only=True):
    """Brief figures of the frozen whitelist on the same rows."""

    accuracy: float | None
    detection_rate: float | None
    false_positive_rate: float | None
    roc_auc: float | None
    classes: dict[str, dict[str, int | float | None]]


class HourOfErrors(msgspec.Struct, kw_only=True):
    """Errors of one hour of event time since the earliest row."""

    hour: int
    false_positives: int
    false_negatives: int


@dataclass(frozen=True)
class Selection:
    """Which rows count."""

    start: float = 0
    """Seconds of event time since the first row from which on rows count; 0: all, whatever their order."""
    end: float = math.inf
    """Seconds since the first row from which on rows are neither judged nor counted."""
    where: Sequence[tuple[str, str]] = ()
    """Columns and the values that they must all have."""


@dataclass
class Evaluation:
    """Everything that came of one trace."""

    figures: Figures
    outcomes: Outcomes
    """The rows that count, for those who draw."""
    start: int
    """Event time of the earliest row that was judged, ms."""
    judged: int
    """Rows that were judged and learnt, whether they count or not."""
    seconds: float
    """What judging and learning took; without reading, parsing and working out figures."""
    mining_seconds: float | None
    """Part of it in which periods were mined; `None` if the subject does not tell."""
    whitelist: Figures
    good: int
    """Rows that could be read, whether they were judged or not."""
    bad: int
    """Rows that could not."""
    bad_rows: list[BadRow]
    """The first of those, with their reasons."""
    late: int
    """Rows that were judged more than a minute of event time after a later one."""
    untyped: int
    """Rows that were judged and name no source type."""

    @property
    def too_bad(self) -> bool:
        """Whether more than 1 % of the rows could not be read."""
        return self.bad > TOLERATED * (self.bad + self.good)

    def as_json(self) -> dict[str, object]:
        """Return the figures under the names that `alleyes evaluate -o json` documents."""
        plain: dict[str, object] = msgspec.to_builtins(self.figures)
        return plain | {
            "seconds": self.seconds,
            "accesses_per_second": self.judged / self.seconds if self.seconds > 0 else None,
            "mining_share": None
            if self.mining_seconds is None or self.seconds <= 0
            else self.mining_seconds / self.seconds,
            "judged": self.judged,
            "bad_rows": self.bad,
            "late_rows": self.late,
            "untyped_rows": self.untyped,
            "errors_per_hour": msgspec.to_builtins(list(self._hours())),
            "whitelist_baseline": msgspec.to_builtins(_brief(self.whitelist)),
        }

    def _hours(self) -> Iterator[HourOfErrors]:
        columns = errors_over_time(self.outcomes, start=self.start, span=HOUR)
        for hour, wrongly, missed in zip(*columns, strict=True):
            yield HourOfErrors(hour=int(hour), false_positives=int(wrongly), false_negatives=int(missed))


def evaluate(trace: Trace, subject: Subject, selection: Selection | None = None) -> Evaluation:
    """Judge a trace with a subject, and beside it with a whitelist of its first ten minutes.

    Args:
        trace: The rows, in the order in which they are judged.
        subject: Who judges and learns.
        selection: Which rows count; all of them by default.

    Raises:
        TraceError: the trace cannot be read, lacks a column that the selection names, or has no row that counts.
        ValueError: the subject gave an anomaly value that is not a number.
    """
    selection = selection or Selection()
    counts = _Counts(trace, selection)
    outcomes, listed = Outcomes(), Outcomes()
    whitelist = WhitelistSubject()
    rows = iter(trace)
    start: int | None = None
    earliest = newest = late = untyped = 0
    judged, seconds = 0, 0.0
    while chunk := list(islice(rows, CHUNK)):
        if start is None:
            start = earliest = chunk[0].access.time
        end = start + selection.end * 1000
        chunk = [row for row in chunk if row.access.time < end]
        if not chunk:  # a single row may be out of order; a whole chunk behind the end is the end
            break
        accesses = [row.access for row in chunk]
        judge = subject.judge
        begun = perf_counter()
        judgements = [judge(access) for access in accesses]
        seconds += perf_counter() - begun
        judged += len(chunk)
        for row, (av, refused) in zip(chunk, judgements, strict=True):
            access = row.access
            earliest, newest = min(earliest, access.time), max(newest, access.time)
            late += newest - access.time > LATE
            untyped += access.source_type is None
            simple = whitelist.judge(access)
            if counts(row, start):
                time, label, source = access.time, row.label, access.source
                outcomes.add(time=time, label=label, source=source, av=av, refused=refused)
                listed.add(time=time, label=label, source=source, av=simple.av, refused=simple.refused)
    if not len(outcomes):
        raise TraceError(_nothing(trace, judged))
    return Evaluation(
        figures=figures(outcomes),
        outcomes=outcomes,
        start=earliest,
        judged=judged,
        seconds=seconds,
        mining_seconds=subject.mining_seconds if isinstance(subject, Miner) else None,
        whitelist=figures(listed),
        good=trace.good,
        bad=trace.bad,
        bad_rows=trace.bad_rows,
        late=late,
        untyped=untyped,
    )


class _Counts:
    """Whether a row counts."""

    def __init__(self, trace: Trace, selection: Selection) -> None:
        self._start = selection.start * 1000
        self._where = [(trace.column(name), value) for name, value in selection.where]

    def __call__(self, row: Row, start: int) -> bool:
        if self._start and row.access.time - start < self._start:
            return False
        return all(row.fields[index].strip() == value for index, value in self._where)


def _nothing(trace: Trace, judged: int) -> str:
    if read := judged or trace.good:
        return f"{trace.path}: none of its {read} rows counts; widen --count-from, --count-to or --count-where"
    if trace.bad_rows:
        first = trace.bad_rows[0]
        return f"{trace.path}:{first.line}: {first.reason}; none of its {trace.bad} rows is an access: is it a trace?"
    return f"{trace.path} holds no access; give a trace with at least one"


def _brief(simple: Figures) -> WhitelistFigures:
    return WhitelistFigures(
        accuracy=simple.accuracy,
        detection_rate=simple.detection_rate,
        false_positive_rate=simple.false_positive_rate,
        roc_auc=simple.roc_auc,
        classes={
            name: {
                "rows": each.rows,
                "detected": each.detected,
                "detection_rate": each.detection_rate,
                "first_detected_after": each.first_detected_after,
            }
            for name, each in simple.classes.items()
        },
    )
