"""Writes a report: makes the runs that are missing, draws, and puts the page and the drawings into a directory."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from models.tabulation import shown
from proxy.evaluation.report.compare import Run, Setting, compare
from proxy.evaluation.report.decomposition import Decomposition, decompose
from proxy.evaluation.report.layout import Picture, percent
from proxy.evaluation.report.page import Report, render
from proxy.evaluation.trace import Trace

PAGE = "index.html"


def write_report(
    directory: Path,
    setting: Setting,
    done: Sequence[Run],
    tell: Callable[[str], None],
    *,
    service: str | None = None,
    processes: int | None = None,
) -> Path:
    """Write `index.html` and the PNGs beside it; the directory is made if it is not there.

    Args:
        directory: Where to.
        setting: What was evaluated, and how.
        done: Runs that were made already; the others are made.
        tell: Is told how far it is.
        service: Address of the service that Fig. 2 takes apart; left out, the one with most flows.
        processes: How many runs are made beside each other; as many as there are processors, if left out.

    Returns:
        The page.

    Raises:
        OSError: the directory cannot be written.
        TraceError: the trace cannot be read any more.
    """
    directory.mkdir(parents=True, exist_ok=True)  # before the work, not after it
    runs = compare(setting, done, tell, processes=processes)
    tell("drawing")
    parts = decompose(Trace(setting.trace), service)
    if parts is None:
        tell(f"the trace has no row of {shown(service or 'any service')}, so there is no Fig. 2")
    pictures = draw(runs, parts)
    report = Report(setting.trace.name, conditions(setting, runs[0]), runs, parts, pictures)
    for picture in pictures.values():
        (directory / picture.file).write_bytes(picture.png)
    page = directory / PAGE
    page.write_text(render(report), encoding="utf-8")
    return page


def draw(runs: Sequence[Run], parts: Decomposition | None) -> Mapping[str, Picture]:
    """Draw everything that can be drawn of the runs and of the flows of one service."""
    from proxy.evaluation.report import charts  # noqa: PLC0415 -- needs the extra, which nothing else here does

    scorings = [each for each in runs if each.task.without is None]
    found = {"errors": Picture("figure4-errors.png", charts.errors(scorings), _errors_in_words(scorings))}
    if all(each.roc is not None for each in runs):
        found["roc"] = Picture("figure3-roc.png", charts.roc(runs), _roc_in_words(runs))
    if parts is not None:
        found["decomposition"] = Picture(
            "figure2-decomposition.png", charts.decomposition(parts), _decomposition_in_words(parts)
        )
    return found


def conditions(setting: Setting, ours: Run) -> list[tuple[str, str]]:
    """Return names and values of how it was measured."""
    figures, selection = ours.figures, setting.selection
    rows = f"{figures.rows:,}: {figures.normal:,} normal, {figures.anomalous:,} anomalous"
    found = [("rows that count", rows)]
    if selection.start or selection.end < math.inf:
        until = "its end" if selection.end == math.inf else f"{selection.end:g} s"
        found.append(("part of the trace", f"from {selection.start:g} s to {until}"))
    found += [("only rows with", f"{column} = {value}") for column, value in selection.where]
    found.append(("start of alleyes", "cold, nothing known" if setting.state is None else "warm, with a learnt model"))
    sites = ", ".join(f"{first}-{last}" for first, last in setting.sites.ranges) or "one"
    found.append(("federation of alleyes", f"{setting.federation}; sites, by agents: {sites}"))
    found.append(("threshold of alleyes", f"refused from AV {setting.policy.thresholds.block:g} on"))
    return found


def _errors_in_words(scorings: Sequence[Run]) -> str:
    told = (
        f"{each.name}: {each.figures.false_positives} false positives, {each.figures.false_negatives} false negatives"
        for each in scorings
    )
    return f"Errors per quarter of an hour. {'; '.join(told)}."


def _roc_in_words(runs: Sequence[Run]) -> str:
    told = (f"{each.name} {percent(each.roc.at(0.001))}" for each in runs if each.roc is not None)
    return f"ROC curves. Detection rates at 0.1 % false positives: {', '.join(told)}. The table below has the figures."


def _decomposition_in_words(parts: Decomposition) -> str:
    periodic = sum(bool(each.periods) for each in parts.flows)
    return f"Accesses of {parts.service} over time: {len(parts.flows)} flows, {periodic} of which are periodic."
