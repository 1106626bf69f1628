"""From judged rows with labels to figures: what was detected, what was refused wrongly, and how soon.

Rates are fractions, 0 to 1, and `None` where nothing was there to take a share of. Positive means refused; a row is
anomalous if its label is anything but `normal`.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from itertools import pairwise

import msgspec
import numpy as np
from numpy.typing import NDArray

NORMAL = "normal"
EPISODE_GAP = 600_000
"""Event time, ms, without a row of a class and source after which the next one begins a new episode."""
GRACE = 5
"""Rows at the beginning of an episode that need not be refused for it to count as complete: a burst has to be some
rows long before it can be told from a single access."""

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]


class Episodes(msgspec.Struct, kw_only=True):
    """Episodes: the rows of one class and source without a gap of 10 minutes of event time."""

    total: int = 0
    noticed: int = 0
    """At least one row was refused."""
    complete: int = 0
    """Noticed, and every row was refused from the sixth on."""


class ClassFigures(msgspec.Struct, kw_only=True):
    """What became of the rows of one anomalous class."""

    rows: int
    detected: int
    detection_rate: float
    first_detected_after: int | None
    """Rows of an episode up to and including the first refused one, in the episode where it took longest of those
    that were noticed; `None` if no row of the class was refused."""
    episodes: Episodes


class Figures(msgspec.Struct, kw_only=True):
    """How well the rows of a trace were told apart."""

    rows: int
    normal: int
    anomalous: int
    accuracy: float | None
    detection_rate: float | None
    false_positive_rate: float | None
    roc_auc: float | None
    """Probability that an anomalous row has a higher anomaly value than a normal one, a tie counting half."""
    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int
    classes: dict[str, ClassFigures]
    episodes: Episodes


class Outcomes:
    """What became of every row that counts, in columns: 33 bytes a row, whatever its texts are."""

    def __init__(self) -> None:
        self.labels: list[str] = [NORMAL]
        """Names of the classes; `label` holds indices into it, so 0 is normal."""
        self._label_index = {NORMAL: 0}
        self._source_index: dict[str, int] = {}
        self._time = array("q")
        self._label = array("q")
        self._source = array("q")
        self._av = array("d")
        self._refused = bytearray()

    def __len__(self) -> int:
        return len(self._refused)

    def add(self, *, time: int, label: str, source: str, av: float, refused: bool) -> None:
        """Append one row.

        Args:
            time: Event time, ms.
            label: `normal`, or the name of its class.
            source: Address of the service that made the access.
            av: Its anomaly value.
            refused: Whether enforcement would have refused it.
        """
        index = self._label_index.get(label)
        if index is None:
            index = self._label_index[label] = len(self.labels)
            self.labels.append(label)
        self._time.append(time)
        self._label.append(index)
        self._source.append(self._source_index.setdefault(source, len(self._source_index)))
        self._av.append(av)
        self._refused.append(refused)

    @property
    def time(self) -> Integers:
        """Event times, ms, in the order of the rows, as in all columns."""
        return np.array(self._time, dtype=np.int64)

    @property
    def label(self) -> Integers:
        """Indices into `labels`."""
        return np.array(self._label, dtype=np.int64)

    @property
    def source(self) -> Integers:
        """Numbers that tell sources apart."""
        return np.array(self._source, dtype=np.int64)

    @property
    def av(self) -> Floats:
        """Anomaly values."""
        return np.array(self._av, dtype=np.float64)

    @property
    def refused(self) -> Flags:
        """Which rows were refused."""
        return np.array(self._refused, dtype=np.bool_)

    @property
    def anomalous(self) -> Flags:
        """Which rows are of any class but normal."""
        return np.not_equal(self.label, 0)


def figures(outcomes: Outcomes) -> Figures:
    """Work out all figures, in O(n log n).

    Raises:
        ValueError: an anomaly value is not a number.
    """
    label, refused, anomalous = outcomes.label, outcomes.refused, outcomes.anomalous
    true_positives = int(np.count_nonzero(refused & anomalous))
    false_positives = int(np.count_nonzero(refused)) - true_positives
    positives = int(np.count_nonzero(anomalous))
    negatives = len(outcomes) - positives
    true_negatives = negatives - false_positives
    per_class = _per_class(outcomes)
    return Figures(
        rows=len(outcomes),
        normal=negatives,
        anomalous=positives,
        accuracy=_share(true_positives + true_negatives, len(outcomes)),
        detection_rate=_share(true_positives, positives),
        false_positive_rate=_share(false_positives, negatives),
        roc_auc=roc_auc(outcomes.av, anomalous),
        true_positives=true_positives,
        false_positives=false_positives,
        true_negatives=true_negatives,
        false_negatives=positives - true_positives,
        classes=_classes(outcomes.labels, label, refused, per_class),
        episodes=Episodes(
            total=sum(each.total for each, _ in per_class.values()),
            noticed=sum(each.noticed for each, _ in per_class.values()),
            complete=sum(each.complete for each, _ in per_class.values()),
        ),
    )


def roc_auc(av: Floats, anomalous: Flags) -> float | None:
    """Return the area under the ROC curve by the rank sum of the anomalous rows, ties at their middle rank.

    Args:
        av: Anomaly values, shape (n,); infinite ones are the highest.
        anomalous: Which rows are anomalous, shape (n,).

    Returns:
        0 to 1; `None` if there are no anomalous or no normal rows.

    Raises:
        ValueError: an anomaly value is not a number.
    """
    if np.isnan(av).any():
        raise ValueError(f"row {int(np.argmax(np.isnan(av)))} has an anomaly value that is not a number")
    positives = int(np.count_nonzero(anomalous))
    negatives = len(av) - positives
    if not positives or not negatives:
        return None
    _, inverse, counts = np.unique(av, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2)[inverse]
    return float((ranks[anomalous].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def roc_curve(av: Floats, anomalous: Flags) -> tuple[Floats, Floats, Floats]:
    """Return false positive rates, detection rates and thresholds, from refusing nothing to refusing everything.

    Args:
        av: Anomaly values, shape (n,).
        anomalous: Which rows are anomalous, shape (n,); some of both kinds.

    Returns:
        Three arrays, one entry for each distinct value and one before them. A row is refused where its value reaches
        the threshold; the first threshold is infinite.

    Raises:
        ValueError: all rows are of one kind.
    """
    positives = int(np.count_nonzero(anomalous))
    negatives = len(av) - positives
    if not positives or not negatives:
        raise ValueError("a ROC curve takes anomalous and normal rows")
    order = np.argsort(-av, kind="stable")
    ordered, hits = av[order], anomalous[order]
    ends = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(av) - 1)
    detected = np.cumsum(hits)[ends]
    wrongly = ends + 1 - detected
    return (
        np.concatenate(([0.0], wrongly / negatives)),
        np.concatenate(([0.0], detected / positives)),
        np.concatenate(([np.inf], ordered[ends])),
    )


def errors_over_time(outcomes: Outcomes, *, start: int, span: int) -> tuple[Integers, Integers, Integers]:
    """Count errors per span of event time (the paper's Fig. 4).

    Args:
        outcomes: The rows.
        start: Event time, ms, at which span 0 begins.
        span: Length of a span, ms, above 0.

    Returns:
        Numbers of the spans that have errors, ascending, and the false positives and false negatives of each.
    """
    anomalous, refused = outcomes.anomalous, outcomes.refused
    wrong = anomalous != refused
    spans, where = np.unique((outcomes.time[wrong] - start) // span, return_inverse=True)
    missed = anomalous[wrong]
    size = len(spans)
    return spans, np.bincount(where[~missed], minlength=size), np.bincount(where[missed], minlength=size)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _classes(
    names: list[str], label: Integers, refused: Flags, per_class: dict[int, tuple[Episodes, int | None]]
) -> dict[str, ClassFigures]:
    rows = np.bincount(label, minlength=len(names))
    detected = np.bincount(label[refused], minlength=len(names))
    return {
        names[index]: ClassFigures(
            rows=int(rows[index]),
            detected=int(detected[index]),
            detection_rate=float(detected[index] / rows[index]),
            first_detected_after=first,
            episodes=episodes,
        )
        for index, (episodes, first) in sorted(per_class.items(), key=lambda item: names[item[0]])
    }


def _per_class(outcomes: Outcomes) -> dict[int, tuple[Episodes, int | None]]:
    """Return for each anomalous class its episodes, and the rows until the first refused one in the worst of them."""
    found: dict[int, tuple[Episodes, int | None]] = {}
    for index, refused in _episodes(outcomes):
        episodes, worst = found.get(index, (Episodes(), None))
        episodes.total += 1
        if refused.any():
            episodes.noticed += 1
            episodes.complete += bool(refused[GRACE:].all())
            worst = max(worst or 0, int(np.argmax(refused)) + 1)
        found[index] = episodes, worst
    return found


def _episodes(outcomes: Outcomes) -> Iterator[tuple[int, Flags]]:
    """Yield the class of each episode and which of its rows were refused, in the order of time."""
    which = np.flatnonzero(outcomes.anomalous)
    if not len(which):
        return
    time, label, source = outcomes.time[which], outcomes.label[which], outcomes.source[which]
    # Stable: rows of one millisecond stay in the order of the trace.
    order = np.lexsort((time, source, label))
    time, label, source, refused = time[order], label[order], source[order], outcomes.refused[which][order]
    begins = (np.diff(label) != 0) | (np.diff(source) != 0) | (np.diff(time) >= EPISODE_GAP)
    bounds = np.concatenate(([0], np.flatnonzero(begins) + 1, [len(order)]))
    for first, last in pairwise(bounds):
        yield int(label[first]), refused[first:last]
