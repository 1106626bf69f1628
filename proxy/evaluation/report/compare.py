"""Judges one trace again and again: by each scoring, and with each feature left out. What is kept is what is drawn."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from models.communication_model import CommunicationModel
from models.descriptor import MINUTE
from models.evaluation import Figures, Floats, Integers, errors_over_time, roc_curve
from models.table import tabulate
from models.tabulation import TypeTable
from policy.document import PolicyDocument
from proxy.evaluation.report.variants import BY_NAME, VariantSubject
from proxy.evaluation.run import Evaluation, Selection, evaluate
from proxy.evaluation.scoring import Scoring, subject_for
from proxy.evaluation.shipped import FederatedSubject, Federation
from proxy.evaluation.sites import SiteMap
from proxy.evaluation.subject import Subject
from proxy.evaluation.trace import Trace

SPAN = 900_000
"""Event time, ms, over which errors are counted together: a quarter of an hour."""
MOST_POINTS = 2000
"""Points of a ROC curve that are kept; a drawing shows no more."""
BUDGET = 0.001
"""False positive rate at which detection rates are compared, whatever the thresholds are."""


@dataclass(frozen=True)
class Setting:
    """Everything that all runs have in common."""

    trace: Path
    policy: PolicyDocument
    sites: SiteMap
    federation: Federation
    state: bytes | None
    """What the shipped scoring starts with; the others start with nothing."""
    selection: Selection


@dataclass(frozen=True)
class Task:
    """One run."""

    scoring: Scoring
    without: str | None = None
    """Feature that is left out, of `variants.VARIANTS`."""

    @property
    def name(self) -> str:
        """What it is called in drawings and tables."""
        names = {Scoring.ALLEYES: "alleyes", Scoring.PAPER: "the paper's formulas", Scoring.REFERENCE: "authors' rules"}
        return names[self.scoring] if self.without is None else f"without {self.without}"


@dataclass(frozen=True)
class Roc:
    """Detection rates by false positive rates, both ascending."""

    false_positive_rate: Floats
    detection_rate: Floats

    def at(self, budget: float) -> float:
        """Return the best detection rate at a threshold with at most this false positive rate."""
        return float(self.detection_rate[np.searchsorted(self.false_positive_rate, budget, side="right") - 1])


@dataclass(frozen=True)
class Errors:
    """Errors by span of event time since the first row."""

    span: Integers
    """Numbers of those spans that have errors."""
    false_positives: Integers
    false_negatives: Integers


@dataclass(frozen=True)
class Run:
    """What is kept of one run."""

    task: Task
    figures: Figures
    roc: Roc | None
    """None where all rows that count are of one kind."""
    errors: Errors
    start: int
    """Event time of the first row, ms."""
    end: int
    """Event time of the last row that counts, ms."""
    whitelist: Figures
    """Of the frozen whitelist, on the same rows."""
    tables: list[TypeTable] = field(default_factory=list)
    """Table II of each type, of the shipped scoring alone."""
    groups: int = 1
    """Bodies of knowledge that the tables are the sum of."""

    @property
    def name(self) -> str:
        """What it is called in drawings and tables."""
        return self.task.name


def tasks() -> tuple[Task, ...]:
    """Return all runs that a report compares: the three scorings, then the shipped one without each feature."""
    return (*map(Task, Scoring), *(Task(Scoring.ALLEYES, name) for name in BY_NAME))


def compare(
    setting: Setting, done: Sequence[Run], tell: Callable[[str], None], *, processes: int | None = None
) -> list[Run]:
    """Make all runs that are not done yet, and return all of them in the order of `tasks`.

    Args:
        setting: What they have in common.
        done: Runs that were made before.
        tell: Is told of each run that ends.
        processes: How many run beside each other; as many as there are processors, if left out.

    Raises:
        TraceError: the trace cannot be read (any more).
    """
    found = {each.task: each for each in done}
    missing = [task for task in tasks() if task not in found]
    for number, run in enumerate(_runs(setting, missing, processes or os.cpu_count() or 1), 1):
        found[run.task] = run
        tell(f"{number} of {len(missing)} more runs: {run.name}")
    return [found[task] for task in tasks()]


def _runs(setting: Setting, missing: Sequence[Task], processes: int) -> Iterator[Run]:
    if processes == 1 or len(missing) < 2:  # noqa: PLR2004 -- nothing to be run beside each other
        yield from (perform(setting, task) for task in missing)
        return
    # Spawned, so that no worker has the memory of this process.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(missing)), mp_context=context) as pool:
        for future in as_completed([pool.submit(perform, setting, task) for task in missing]):
            yield future.result()


def perform(setting: Setting, task: Task) -> Run:
    """Judge the trace once.

    Raises:
        TraceError: the trace cannot be read.
    """
    subject = _subject(setting, task)
    judge: Subject = subject if task.without is None else VariantSubject(subject, BY_NAME[task.without])
    return kept(task, evaluate(Trace(setting.trace), judge, setting.selection), subject)


def _subject(setting: Setting, task: Task) -> Subject:
    if task.without is not None:
        return FederatedSubject(
            setting.policy,
            setting.sites,
            setting.federation,
            setting.state,
            analyzer=BY_NAME[task.without].analyzer,
        )
    return subject_for(
        task.scoring,
        policy=setting.policy,
        sites=setting.sites,
        federation=setting.federation,
        state=setting.state if task.scoring is Scoring.ALLEYES else None,
    )


def kept(task: Task, evaluation: Evaluation, subject: Subject) -> Run:
    """Return what a report needs of a run."""
    outcomes = evaluation.outcomes
    figures = evaluation.figures
    end = int(outcomes.time.max())
    knowledge = subject.knowledge if task.without is None and isinstance(subject, FederatedSubject) else []
    return Run(
        task=task,
        figures=figures,
        roc=_thinned(*roc_curve(outcomes.av, outcomes.anomalous)[:2]) if figures.anomalous and figures.normal else None,
        errors=Errors(*errors_over_time(outcomes, start=evaluation.start, span=SPAN)),
        start=evaluation.start,
        end=end,
        whitelist=evaluation.whitelist,
        tables=_tables([each.models for each in knowledge], end // MINUTE),
        groups=len(knowledge),
    )


def _thinned(false_positive_rate: Floats, detection_rate: Floats) -> Roc:
    """Keep the corners of a curve, and of these evenly many where there are too many."""
    rising = np.flatnonzero(np.diff(false_positive_rate, append=np.inf) > 0)  # the highest point of each column
    if len(rising) > MOST_POINTS:
        even = np.linspace(0, len(rising) - 1, MOST_POINTS // 2).astype(np.int64)
        # What matters lies near the axis: half of the points are spread evenly, half by orders of magnitude.
        near = np.geomspace(1, len(rising), MOST_POINTS // 2).astype(np.int64) - 1
        rising = rising[np.union1d(even, near)]
    return Roc(false_positive_rate[rising], detection_rate[rising])


def _tables(bodies: Sequence[dict[str, CommunicationModel]], now: int) -> list[TypeTable]:
    """Tabulate models; isolated bodies of knowledge are added up, which is exact."""
    whole: dict[str, CommunicationModel] = {}
    for models in bodies:
        for name, model in models.items():
            whole.setdefault(name, CommunicationModel(service_type=name)).absorb(model)
    return [tabulate(model, now) for _, model in sorted(whole.items())]
