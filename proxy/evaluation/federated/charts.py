"""Drawings of the simulation, as PNG. Needs matplotlib, which is the extra `report`."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from proxy.evaluation.federated.convergence import Convergence
from proxy.evaluation.federated.healing import Course, Healing
from proxy.evaluation.federated.poisoning import Curve, Poisoning
from proxy.evaluation.federated.tables import joining_name
from proxy.evaluation.federated.updates import Updates
from proxy.evaluation.report.drawing import (
    BLACK,
    BLUE,
    COLOURS,
    FAINT,
    GREEN,
    GREY,
    ORANGE,
    SKY,
    VERMILION,
    figure,
    plain,
    png,
    tidy,
)

_MARKS = ("o", "s", "^", "D", "v")
_NEVER = 100
"""Where it is drawn that not even all others are enough: that share cannot be needed, as one site is honest."""
_LOWEST = 0.01
"""AV below which nothing is told apart."""


def convergence(found: Convergence) -> bytes:
    """Draw, for each service type, the minutes until it was enforced, alone and with others."""
    names = sorted({name for each in found.joinings for name in each.minutes})
    drawn = figure(0.42 * len(names) + 1.9)
    axes = drawn.subplots()
    end = found.size.days * 24 * 60
    for place, joining in enumerate(found.joinings):
        rows = [(names.index(name), minutes) for name, minutes in joining.minutes.items()]
        points = [(max(each, 0.1), row) for row, minutes in rows for each in minutes if each is not None]
        height = 0.18 * (place - (len(found.joinings) - 1) / 2)
        axes.plot(
            [minute for minute, _ in points],
            [row + height for _, row in points],
            linestyle="none",
            marker=_MARKS[place],
            color=COLOURS[place],
            markersize=6,
            alpha=0.8,
            label=joining_name(joining),
        )
        for row, minutes in rows:
            if None in minutes:
                axes.annotate("never", (end, row + height), fontsize=8, color=COLOURS[place], va="center", ha="right")
    axes.set_xscale("log")
    axes.set_xlim(0.8, end * 1.3)
    marks = [each for each in (1, 10, 60, 600, 1440, 4320) if each <= end * 1.3]
    axes.set_xticks(marks, [f"{each:,}" for each in marks])
    axes.set_yticks(range(len(names)), [plain(name) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlabel("minutes from the first registration until the type is enforced (logarithmic)")
    _above(axes)
    tidy(axes)
    return png(drawn)


def healing(found: Healing) -> bytes:
    """Draw AV over time, one panel for each case."""
    drawn = figure(1.75 * len(found.courses) + 0.9)
    panels = drawn.subplots(len(found.courses), 1, sharex=True, squeeze=False)[:, 0]
    for axes, course in zip(panels, found.courses, strict=True):
        _course(axes, course, found)
    panels[0].legend(fontsize=8, frameon=False, ncols=2, loc="lower left")
    panels[-1].set_xlabel("minutes since the attack began")
    return png(drawn)


def poisoning(found: Poisoning) -> bytes:
    """Draw how large a share of the sites is needed: a column for each attack, a row for each adversary."""
    attacks = list(dict.fromkeys(each.attack for each in found.curves))
    adversaries = list(dict.fromkeys(each.adversary for each in found.curves))
    names = list(dict.fromkeys(each.aggregation for each in found.curves))
    drawn = figure((0.28 * len(names) + 0.55) * len(adversaries) + 0.9)
    panels = drawn.subplots(len(adversaries), len(attacks), sharex=True, sharey=True, squeeze=False)
    for row, adversary in zip(panels, adversaries, strict=True):
        for axes, attack in zip(row, attacks, strict=True):
            curves = [each for each in found.curves if (each.attack, each.adversary) == (attack, adversary)]
            _needed(axes, curves, names, found.size.counts)
            axes.set_title(f"{attack}: {adversary}", loc="left", fontsize=8, weight="bold")
    for axes in panels[-1]:
        axes.set_xticks([0, 25, 50, 75, _NEVER], ["0 %", "25 %", "50 %", "75 %", "never"])
    handles, labels = panels[0][0].get_legend_handles_labels()
    drawn.legend(handles, labels, fontsize=8, frameon=False, ncols=len(labels), loc="outside upper right")
    drawn.supxlabel("share of the sites that must be subverted; their number beside the mark", fontsize=9)
    return png(drawn)


def updates(found: Updates) -> bytes:
    """Draw the minutes until an update got in at each site, and below the bytes of a day."""
    sites = [each.site for each in found.costs]
    drawn = figure(0.62 * len(sites) + 2.6)
    above, below = drawn.subplots(2, 1)
    for place, roll_out in enumerate(found.roll_outs):
        name = "federated" if roll_out.federated else "isolated"
        for arrival in roll_out.arrivals:
            row = sites.index(arrival.site) + 0.36 * (place - 0.5)
            length = found.size.watched if arrival.accepted_after is None else arrival.accepted_after
            hatch = "//" if arrival.accepted_after is None else None
            label = name if arrival is roll_out.arrivals[0] else None
            colour = (BLUE, ORANGE)[place]
            axes = above
            axes.barh(row, length, height=0.32, color=colour, hatch=hatch, edgecolor="white", label=label)
            text = "never" if arrival.accepted_after is None else f"{length:.1f}"
            axes.annotate(text, (length, row), (3, 0), textcoords="offset points", va="center", fontsize=8)
    above.set_xlabel("minutes of refusals from the first updated call on (hatched: to the end)")
    parts = (
        ("contributions", [each.volume.published for each in found.costs], BLUE),
        ("what others know", [each.volume.told for each in found.costs], SKY),
        ("candidates", [each.volume.candidates for each in found.costs], GREEN),
    )
    left = [0.0] * len(sites)
    for name, counts, colour in parts:
        sizes = [
            count / max(1, cost.volume.total) * cost.per_day / 1e6
            for count, cost in zip(counts, found.costs, strict=True)
        ]
        below.barh(range(len(sites)), sizes, left=left, height=0.5, color=colour, edgecolor="white", label=name)
        left = [one + other for one, other in zip(left, sizes, strict=True)]
    papers = [each.papers / 1e6 for each in found.costs]
    below.plot(papers, range(len(sites)), "D", color=VERMILION, label="96 bytes per descriptor", clip_on=False)
    below.set_xlabel("MB a day")
    for axes in (above, below):
        axes.set_yticks(range(len(sites)), sites)
        axes.set_ylim(len(sites) - 0.4, -0.6)
        tidy(axes)
        axes.grid(visible=False, axis="y")
        _above(axes)
    return png(drawn)


def _course(axes: Axes, course: Course, found: Healing) -> None:
    minutes = [each.minute for each in course.points]
    for name, values, colour, dashes in (
        ("at the subverted site", [each.here for each in course.points], VERMILION, ()),
        ("at another site", [each.elsewhere for each in course.points], BLUE, (4, 2)),
    ):
        axes.plot(minutes, [max(each, _LOWEST) for each in values], color=colour, dashes=dashes, label=name)
    axes.axvspan(0, found.learnt_until, color=FAINT, zorder=0)
    axes.axhline(found.threshold, color=GREY, linewidth=0.8, linestyle=":")
    axes.annotate(
        "refused from here", (minutes[-1], found.threshold), (0, 2), textcoords="offset points", ha="right", fontsize=7
    )
    if course.removed_at is not None:
        axes.axvline(course.removed_at, color=BLACK, linewidth=1.0, dashes=(2, 2))
        axes.annotate("DELETE", (course.removed_at, 0.02), (3, 0), textcoords="offset points", fontsize=7)
    axes.set_yscale("log")
    axes.set_ylim(_LOWEST, 200)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_ylabel("AV", fontsize=9)
    axes.set_title(course.name, loc="left", fontsize=9, weight="bold")
    tidy(axes)


def _needed(axes: Axes, curves: Sequence[Curve], names: Sequence[str], counts: Sequence[int]) -> None:
    for place, count in enumerate(counts):
        rows = [each for each in curves if each.sites == count]
        offset = 0.24 * (place - (len(counts) - 1) / 2)
        at = [_NEVER if each.needed is None else 100 * each.needed / each.sites for each in rows]
        heights = [names.index(each.aggregation) + offset for each in rows]
        axes.plot(
            at,
            heights,
            linestyle="none",
            marker=_MARKS[place],
            color=COLOURS[place],
            markersize=5,
            label=f"{count} sites",
        )
        for each, x, y in zip(rows, at, heights, strict=True):
            if each.needed is not None:
                axes.annotate(str(each.needed), (x, y), (5, 0), textcoords="offset points", va="center", fontsize=6)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(0, _NEVER + 8)
    tidy(axes)
    axes.tick_params(labelsize=8)


def _above(axes: Axes) -> None:
    """Put the legend where nothing is drawn."""
    axes.legend(fontsize=8, frameon=False, ncols=4, loc="lower left", bbox_to_anchor=(0, 1))
