"""The page of a report: a pure function of what was collected. It loads nothing, and runs nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from models.evaluation import ClassFigures, Figures
from models.tabulation import UNKNOWN, TypeTable, entries, shown
from proxy.evaluation.report import published
from proxy.evaluation.report.compare import BUDGET, Run
from proxy.evaluation.report.decomposition import Decomposition
from proxy.evaluation.report.layout import NOTHING, Grid, Picture, environment, percent

_NOT_PUBLISHED = "not published"
PUBLISHED = "as published"
WHITELIST = "frozen whitelist"


@dataclass(frozen=True)
class Report:
    """Everything that a page says."""

    trace: str
    conditions: Sequence[tuple[str, str]]
    """How it was measured: names and values."""
    runs: Sequence[Run]
    """The three scorings, the shipped one first, then the shipped one without each feature."""
    decomposition: Decomposition | None
    pictures: Mapping[str, Picture]
    """By `decomposition`, `roc` and `errors`; what could not be drawn is not there."""


def render(report: Report) -> str:
    """Return the page."""
    scorings = [each for each in report.runs if each.task.without is None]
    features = [each for each in report.runs if each.task.without is not None]
    ours = scorings[0]
    return (
        environment()
        .get_template("page.html")
        .render(
            report=report,
            ours=ours,
            summary=_summary(scorings),
            classes=_classes(scorings),
            features=_features(ours, features),
            tables=[_type_table(each) for each in ours.tables],
            groups=ours.groups,
            share=percent,
        )
    )


def _summary(scorings: Sequence[Run]) -> Grid:
    columns = [*(each.figures for each in scorings), scorings[0].whitelist]
    blank = [_NOT_PUBLISHED]

    def row(name: str, cells: Iterable[str], published_cell: Sequence[str] = blank) -> list[str]:
        return [name, *cells, *published_cell]

    return Grid(
        caption="All classes together",
        head=["", *(each.name for each in scorings), WHITELIST, PUBLISHED],
        rows=[
            row(
                "detection rate",
                (percent(each.detection_rate) for each in columns),
                [percent(published.DETECTION_RATE)],
            ),
            row(
                "false positive rate",
                (percent(each.false_positive_rate, 3) for each in columns),
                [percent(published.FALSE_POSITIVE_RATE, 3)],
            ),
            row("accuracy", (percent(each.accuracy) for each in columns), [percent(published.ACCURACY, 0)]),
            row("area under the ROC curve", (_decimal(each.roc_auc) for each in columns)),
            row("false positives", (f"{each.false_positives:,}" for each in columns)),
            row("false negatives", (f"{each.false_negatives:,}" for each in columns)),
            row("episodes noticed", (f"{each.episodes.noticed} of {each.episodes.total}" for each in columns)),
            row("episodes complete", (f"{each.episodes.complete} of {each.episodes.total}" for each in columns)),
        ],
    )


def _classes(scorings: Sequence[Run]) -> Grid:
    """Return Table III with what became of each class."""
    columns = [each.figures for each in scorings]
    known = columns[0].classes
    rows = [
        [
            published.CLASSES[name].name if name in published.CLASSES else shown(name),
            f"{published.CLASSES[name].packets:,}" if name in published.CLASSES else NOTHING,
            f"{each.rows:,}",
            *(_detected(figures.classes[name]) for figures in columns),
            "never" if each.first_detected_after is None else str(each.first_detected_after),
            f"{each.episodes.noticed} / {each.episodes.complete} / {each.episodes.total}",
        ]
        for name, each in sorted(known.items(), key=lambda item: (_place(item[0]), item[0]))
    ]
    packets = sum(each.packets for each in published.CLASSES.values())
    whole = columns[0].episodes
    rows.append(
        [
            "all",
            f"{packets:,}",
            f"{columns[0].anomalous:,}",
            *(_whole(each) for each in columns),
            "",
            f"{whole.noticed} / {whole.complete} / {whole.total}",
        ]
    )
    ours = scorings[0].name
    return Grid(
        caption="Table III: classes of attacks, and what share of their rows was refused",
        head=[
            "class",
            "rows as published (24 h)",
            "rows here",
            *(each.name for each in scorings),
            f"{ours}: first refused row, worst episode",
            f"{ours}: episodes noticed / complete / all",
        ],
        rows=rows,
    )


def _features(ours: Run, features: Sequence[Run]) -> Grid:
    def cells(run: Run) -> list[str]:
        figures = run.figures
        return [
            percent(figures.detection_rate),
            percent(figures.false_positive_rate, 3),
            _decimal(figures.roc_auc),
            NOTHING if run.roc is None else percent(run.roc.at(BUDGET)),
        ]

    return Grid(
        caption="The shipped scoring with each feature left out",
        head=[
            "",
            "detection rate",
            "false positive rate",
            "area under the ROC curve",
            f"detection rate at {100 * BUDGET:g} % false positives",
        ],
        rows=[["with all features", *cells(ours)], *([each.name, *cells(each)] for each in features)],
    )


def _type_table(table: TypeTable) -> dict[str, object]:
    return {
        "name": shown(table.service_type) or UNKNOWN,
        "weight": table.weight,
        "entries": entries(table),
    }


def _place(name: str) -> int:
    names = list(published.CLASSES)
    return names.index(name) if name in names else len(names)


def _detected(figures: ClassFigures) -> str:
    return f"{percent(figures.detection_rate)} ({figures.detected:,})"


def _whole(figures: Figures) -> str:
    return f"{percent(figures.detection_rate)} ({figures.true_positives:,})"


def _decimal(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.5f}"
