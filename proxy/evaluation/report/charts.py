"""Drawings of a report on a trace, as PNG. Needs matplotlib, which is the extra `report`."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from models.tabulation import probability, seconds, shown
from proxy.evaluation.report import published
from proxy.evaluation.report.compare import BUDGET, SPAN, Roc, Run
from proxy.evaluation.report.decomposition import Decomposition, Flow
from proxy.evaluation.report.drawing import (
    BLACK,
    BLUE,
    COLOURS,
    DASHES,
    FAINT,
    GREY,
    SKY,
    VERMILION,
    figure,
    plain,
    png,
    tidy,
)

MOST_FLOWS = 10
"""Flows that are drawn; a scanner has hundreds, none of which is a period."""
_LEAST = 1e-5
_MOST = 0.1


def decomposition(data: Decomposition) -> bytes:
    """Draw the accesses of one service, below them its flows over time, below these the clusters of their gaps.

    The paper's Fig. 2.
    """
    drawn, rest = data.flows[:MOST_FLOWS], data.flows[MOST_FLOWS:]
    heights = [0.7, 0.42 * len(drawn) + 0.3, 0.42 * len(drawn) + 0.3]
    whole_figure = figure(sum(heights) + 2.6)
    whole, flows, clusters = whole_figure.subplots(3, 1, height_ratios=heights)
    _ticks(whole, 0, np.concatenate([each.normal for each in data.flows]), BLACK)
    anomalous = np.concatenate([each.anomalous for each in data.flows])
    _ticks(whole, 0, anomalous, VERMILION)
    whole.set_yticks([])
    whole.set_ylim(0.5, -0.5)
    count = sum(each.accesses for each in data.flows)
    whole.set_title(f"all {count:,} accesses of {plain(shown(data.service))}", loc="left", fontsize=10, weight="bold")
    for place, flow in enumerate(drawn):
        _ticks(flows, place, flow.normal, BLUE)
        if len(flow.anomalous):
            _ticks(flows, place, flow.anomalous, VERMILION)
            flows.plot(flow.anomalous[0], place - 0.45, marker="v", color=VERMILION, markersize=6, clip_on=False)
        _clusters(clusters, place, flow)
    left_out = f", without {len(rest)} smaller ones" if rest else ""
    flows.set_title(f"its flows{left_out}; ▼ first access labelled anomalous", loc="left", fontsize=10, weight="bold")
    clusters.set_title(
        "times between them (|), and periods (●) with their shares",
        loc="left",
        fontsize=10,
        weight="bold",
    )
    for axes in (whole, flows):
        axes.set_xlim(0, max(data.hours, 1e-3))
    whole.tick_params(labelbottom=False)
    flows.set_xlabel("hours since the first row")
    for axes in (flows, clusters):
        axes.set_yticks(range(len(drawn)), [_label(each) for each in drawn], fontsize=8)
        axes.set_ylim(len(drawn) - 0.4, -0.7)
    _time_axis(clusters, drawn)
    return png(whole_figure)


def roc(runs: Sequence[Run]) -> bytes:
    """Draw ROC curves: the scorings, and below them the shipped one with each feature left out (the paper's Fig. 3)."""
    scorings = [each for each in runs if each.task.without is None]
    ours, *features = [each for each in runs if each.task.scoring == scorings[0].task.scoring]
    drawn = figure(9.6)
    above, below = drawn.subplots(2, 1)
    detected_in_force = [each.figures.detection_rate or 0.0 for each in scorings]
    _curves(above, scorings, least=min([*detected_in_force, published.DETECTION_RATE]))
    for place, run in enumerate(scorings):
        wrongly, detected = run.figures.false_positive_rate, run.figures.detection_rate
        if wrongly is not None and detected is not None:
            inside = min(max(wrongly, _LEAST), _MOST)
            above.plot(inside, 100 * detected, marker="o", markersize=7, color=_colour(place), clip_on=False)
    above.plot(
        published.FALSE_POSITIVE_RATE,
        100 * published.DETECTION_RATE,
        marker="*",
        markersize=13,
        color=BLACK,
        linestyle="none",
    )
    above.annotate(
        "published",
        (published.FALSE_POSITIVE_RATE, 100 * published.DETECTION_RATE),
        (0, -15),
        textcoords="offset points",
        ha="center",
        fontsize=9,
    )
    above.set_title("scorings; ● at the thresholds in force, ★ as published", loc="left", fontsize=10, weight="bold")
    _curves(below, [ours, *features])
    below.set_title("alleyes, with each feature left out", loc="left", fontsize=10, weight="bold")
    return png(drawn)


def errors(runs: Sequence[Run]) -> bytes:
    """Draw false positives upwards and false negatives downwards over the day, one scoring below the other (Fig. 4)."""
    drawn = figure(2.3 * len(runs) + 0.6)
    hours = max((each.end - each.start for each in runs), default=0) / 3_600_000
    panels = drawn.subplots(len(runs), 1, sharex=True, squeeze=False)[:, 0]
    for axes, run in zip(panels, runs, strict=True):
        _errors(axes, run)
        axes.set_xlim(0, max(hours, 1e-3))
    panels[-1].set_xlabel("hours since the first row")
    return png(drawn)


def _ticks(axes: Axes, place: float, times: np.ndarray, colour: str) -> None:
    axes.vlines(times, place - 0.32, place + 0.32, color=colour, linewidth=0.5, alpha=0.8, rasterized=True)
    axes.spines[["top", "right", "left"]].set_visible(b=False)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(labelsize=9)


def _label(flow: Flow) -> str:
    partner, node = shown(flow.partner), shown(flow.node)
    return plain(f"{partner if len(partner) <= 24 else partner[:23] + '…'} · {flow.operation}\n{_end(node, 30)}")  # noqa: PLR2004


def _end(text: str, length: int) -> str:
    return text if len(text) <= length else f"…{text[1 - length :]}"


def _clusters(axes: Axes, place: int, flow: Flow) -> None:
    axes.plot(
        np.maximum(flow.gaps, 1e-3), np.full(len(flow.gaps), place), "|", color=GREY, alpha=0.35, markersize=9, zorder=1
    )
    for number, period in enumerate(flow.periods):
        centre = max(period.centre / 1000, 1e-3)
        low = max((period.centre - period.tolerance) / 1000, 1e-3)
        axes.plot([low, (period.centre + period.tolerance) / 1000], [place, place], color=SKY, linewidth=8, alpha=0.7)
        axes.plot(centre, place, marker="o", color=BLUE, markersize=6, markeredgecolor="white", zorder=3)
        share = probability(period.support / max(len(flow.gaps), 1))
        axes.annotate(
            f"{seconds(centre)} ({share})",
            (centre, place),
            (0, 13 * (-1) ** number),  # above and below in turn: neighbours may be near
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=8,
            zorder=4,
        )
    if not flow.periods:
        axes.annotate(
            "no period",
            (1, place),
            (-4, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=8,
            color=GREY,
        )


def _time_axis(axes: Axes, flows: Sequence[Flow]) -> None:
    axes.set_xscale("log")
    gaps = np.concatenate([each.gaps for each in flows]) if flows else np.array([])
    low, high = (max(gaps.min(), 1e-3), max(gaps.max(), 1e-3)) if len(gaps) else (1.0, 10.0)
    axes.set_xlim(low / 1.6, high * 1.6)
    marks = [each for each in (0.001, 0.01, 0.1, 1, 10, 60, 600, 3600, 36000) if low / 1.6 <= each <= high * 1.6]
    axes.set_xticks(marks, [seconds(each) for each in marks])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_minor_locator(LogLocator(subs=()))
    axes.set_xlabel("time since the access before (logarithmic)")
    axes.spines[["top", "right", "left"]].set_visible(b=False)
    axes.grid(axis="x", color=FAINT, linewidth=0.6)
    axes.tick_params(axis="y", length=0)


def _colour(place: int) -> str:
    return BLACK if not place else COLOURS[(place - 1) % len(COLOURS)]


def _curves(axes: Axes, runs: Sequence[Run], least: float = 1.0) -> None:
    """Draw curves with their names at the right, in the order in which the curves end there.

    Args:
        axes: Where to.
        runs: Whose curves; the first one stands out.
        least: A detection rate that must be inside as well.
    """
    drawn = [(place, run, run.roc) for place, run in enumerate(runs) if run.roc is not None]
    lowest = min([least, *(each.at(BUDGET) for _, _, each in drawn)])
    bottom = 100 * max(0.0, math.floor(20 * (lowest - 0.05)) / 20)
    for place, _, curve in reversed(drawn):
        axes.plot(
            *_steps(curve),
            color=_colour(place),
            linewidth=2.2 if not place else 1.6,
            dashes=DASHES[place % len(DASHES)],
            drawstyle="steps-post",
            zorder=3 if not place else 2,
        )
    axes.set_xscale("log")
    axes.set_xlim(_LEAST, _MOST)
    top = 100 + (100 - bottom) * 0.02
    axes.set_ylim(bottom, top)
    axes.axvline(BUDGET, color=GREY, linewidth=0.8, linestyle=":")
    ends = sorted(((100 * curve.at(_MOST), 100 * curve.at(BUDGET), place) for place, _, curve in drawn), reverse=True)
    heights = _apart([at for at, _, _ in ends], (top - bottom) * 0.065, bottom, top)
    for (end, at, place), height in zip(ends, heights, strict=True):
        axes.annotate(
            f"{runs[place].name}  {at:.2f} %",
            (1.0, end),
            (1.05, (height - bottom) / (top - bottom)),
            xycoords=("axes fraction", "data"),
            textcoords="axes fraction",
            va="center",
            fontsize=9,
            arrowprops={"arrowstyle": "-", "color": _colour(place), "linewidth": 1.4, "relpos": (0, 0.5)},
            annotation_clip=False,
        )
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
    axes.set_xlabel(f"false positive rate (logarithmic); at the right: detection rate at {100 * BUDGET:g} %")
    axes.set_ylabel("detection rate")
    tidy(axes)


def _steps(curve: Roc) -> tuple[np.ndarray, np.ndarray]:
    """Return a curve that begins at the left edge, where a logarithmic axis cannot show the rate 0."""
    inside = curve.false_positive_rate > _LEAST
    start = curve.at(_LEAST)
    return (
        np.concatenate(([_LEAST], curve.false_positive_rate[inside], [1.0])),
        100 * np.concatenate(([start], curve.detection_rate[inside], [curve.detection_rate[-1]])),
    )


def _apart(heights: Sequence[float], least: float, bottom: float, top: float) -> list[float]:
    """Return heights for labels, from the top down, that keep a distance and stay within the axes."""
    found: list[float] = []
    for height in heights:
        found.append(min(height, found[-1] - least if found else top))
    lift = bottom + least / 2 - found[-1] if found else 0.0
    if lift > 0:
        for place in range(len(found) - 1, -1, -1):
            floor = bottom + least / 2 if place == len(found) - 1 else found[place + 1] + least
            found[place] = max(found[place], floor)
    return found


def _errors(axes: Axes, run: Run) -> None:
    errors = run.errors
    span = SPAN / 3_600_000
    left = errors.span * span
    for counts, sign, colour in ((errors.false_positives, 1, BLUE), (errors.false_negatives, -1, VERMILION)):
        axes.bar(left, sign * counts, width=span, align="edge", color=colour, edgecolor="white", linewidth=0.3)
    axes.axhline(0, color=BLACK, linewidth=0.8)
    high = max(int(errors.false_positives.max(initial=0)), 1)
    low = max(int(errors.false_negatives.max(initial=0)), 1)
    room = 0.35 * (high + low)
    axes.set_ylim(-low - room * 0.7, high + room * 0.7)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{abs(value):,.0f}"))
    axes.set_ylabel(f"rows per {SPAN // 60_000} min", fontsize=9)
    figures = run.figures
    axes.set_title(run.name, loc="left", fontsize=10, weight="bold")
    tidy(axes)
    axes.grid(visible=False, axis="x")
    for text, place, colour, align in (
        (f"↑ {figures.false_positives:,} false positives", 0.96, BLUE, "top"),
        (f"↓ {figures.false_negatives:,} false negatives", 0.04, VERMILION, "bottom"),
    ):
        axes.text(0.99, place, text, transform=axes.transAxes, ha="right", va=align, fontsize=9, color=colour)
