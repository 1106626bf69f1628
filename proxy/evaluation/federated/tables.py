"""The figures of the simulation as tables, for the page and for the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import median

from proxy.evaluation.federated.convergence import Convergence, Joining
from proxy.evaluation.federated.healing import Course, Healing, Point
from proxy.evaluation.federated.partition import Outcome, Partition
from proxy.evaluation.federated.poisoning import ADVERSARIES, Curve, Poisoning
from proxy.evaluation.federated.updates import PAPER_BYTES, Arrival, Cost, Updates
from proxy.evaluation.report.layout import NOTHING, Grid, percent

NEVER = "never"


def convergence(found: Convergence) -> list[Grid]:
    """Return minutes until each type was enforced, and what became of the first hour."""
    joinings = found.joinings
    heads = [joining_name(each) for each in joinings]
    types = list(joinings[0].minutes)
    first = [each.first_hour for each in joinings]
    return [
        Grid(
            caption="Minutes until the type was enforced: median of the seeds (least to most)",
            head=["service type", *heads],
            rows=[[name, *(minutes(each.minutes.get(name, ())) for each in joinings)] for name in types],
        ),
        Grid(
            caption="The new site's first hour, all seeds",
            head=["", *heads],
            rows=[
                ["normal calls", *(f"{each.normal:,}" for each in first)],
                ["of them flagged (false positives)", *(_of(each.flagged, each.normal) for each in first)],
                ["of them refused", *(_of(each.refused, each.normal) for each in first)],
                ["calls of the seven attacks", *(f"{each.attacks:,}" for each in first)],
                ["of them flagged", *(_of(each.detected, each.attacks) for each in first)],
                ["of them refused", *(_of(each.prevented, each.attacks) for each in first)],
                ["attacks flagged", *(f"{each.noticed} of {7 * found.size.seeds}" for each in first)],
                ["attacks refused", *(f"{each.stopped} of {7 * found.size.seeds}" for each in first)],
            ],
        ),
    ]


def joining_name(joining: Joining) -> str:
    """Return what a column is called."""
    return f"joins {joining.others} others" if joining.others else "alone"


def minutes(found: Sequence[float | None]) -> str:
    """Return the median of some times, and their range; those that never came count as the longest."""
    if not found:
        return NOTHING
    known = [each for each in found if each is not None]
    if len(known) * 2 <= len(found):
        return f"{NEVER} in {len(found) - len(known)} of {len(found)}"
    ordered = sorted(float("inf") if each is None else each for each in found)
    middle, least, most = median(ordered), ordered[0], ordered[-1]
    text = _minutes(middle)
    return text if least == most else f"{text} ({_minutes(least)} to {_minutes(most)})"


def healing(found: Healing) -> list[Grid]:
    """Return the AV of the attack before, while it was learnt, after, and after the sites were taken out."""
    return [
        Grid(
            caption=f"Mean AV of the attack at the subverted site / at another; refused from {found.threshold:g} on",
            head=[
                "",
                "before",
                "last 10 min of learning it",
                "afterwards, in enforce",
                "sites taken out",
                "refused afterwards",
                "accepted as an update",
            ],
            rows=[_course(each, found) for each in found.courses],
        )
    ]


def poisoning(found: Poisoning) -> list[Grid]:
    """Return how many sites it takes: one table for each attack and adversary."""
    tables: dict[tuple[str, str], dict[str, list[Curve]]] = {}
    for curve in found.curves:
        tables.setdefault((curve.attack, curve.adversary), {}).setdefault(curve.aggregation, []).append(curve)
    texts = {each.name: each.text for each in ADVERSARIES}
    return [
        Grid(
            caption=f"Subverted sites that make it normal elsewhere: {attack}; they contribute {texts[adversary]}",
            head=["", *(f"of {count}" for count in found.size.counts)],
            rows=[
                [name, *(NEVER if each.needed is None else str(each.needed) for each in curves)]
                for name, curves in by_aggregation.items()
            ],
        )
        for (attack, adversary), by_aggregation in tables.items()
    ]


def partition(found: Partition) -> list[Grid]:
    """Return hashes of what came of every run, and what was done to it."""
    return [
        Grid(
            caption=f"Final models of {len(found.outcomes[0].digests)} nodes"
            f" ({found.models} models): {'bit-identical in all runs' if found.identical else 'NOT identical'}",
            head=[
                "faults",
                "hash over all nodes",
                "messages",
                "lost",
                "outages",
                "twice",
                "reordered",
                "replayed",
                "restarts",
            ],
            rows=[_outcome(each) for each in found.outcomes],
        )
    ]


def updates(found: Updates) -> list[Grid]:
    """Return how the update got in, and bytes."""
    arrivals: list[list[str]] = []
    by_site = [{each.site: each for each in roll_out.arrivals} for roll_out in found.roll_outs]
    for name, arrival in by_site[0].items():
        cells = [cell for known in by_site for cell in _arrival(known.get(name))]
        arrivals.append([name, str(arrival.instances), *cells])
    heads = ["federated" if each.federated else "isolated" for each in found.roll_outs]
    return [
        Grid(
            caption="An update of all light controllers: minutes until it is refused no more, and calls refused",
            head=[
                "site",
                "controllers",
                *(f"{head}: {what}" for head in heads for what in ("minutes", "refused")),
            ],
            rows=arrivals,
        ),
        Grid(
            caption="Bytes between a site and the service in a day, as encoded, without HTTP and TLS",
            head=[
                "site",
                "services",
                "contributions",
                "mean",
                "largest",
                "told",
                "candidates",
                "all",
                f"{PAPER_BYTES} bytes per descriptor",
            ],
            rows=[_cost(each) for each in found.costs],
        ),
    ]


def lines(grid: Grid) -> Iterator[str]:
    """Yield a table as text."""
    widths = [max(len(row[place]) for row in (grid.head, *grid.rows)) for place in range(len(grid.head))]
    yield grid.caption
    for row in (grid.head, *grid.rows):
        first, *rest = zip(row, widths, strict=True)
        yield "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]).rstrip()


def _minutes(value: float) -> str:
    if value == float("inf"):
        return NEVER
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"  # noqa: PLR2004 -- three digits tell enough


def _of(part: int, whole: int) -> str:
    return f"{part:,} ({percent(part / whole if whole else None)})"


def _course(course: Course, found: Healing) -> list[str]:
    end = course.points[-1].minute + 1 if course.points else 0.0
    removal = course.removed_at if course.removed_at is not None else end
    learnt = found.learnt_until
    spans = [(-10.0, 0.0), (learnt - 10, learnt), (learnt + 2, removal)]
    if course.removed_at is not None:
        spans.append((course.removed_at + 2, end))
    cells = [_avs(course, begin, until) for begin, until in spans]
    return [
        course.name,
        *cells,
        *([NOTHING] * (4 - len(cells))),
        percent(course.refused_here, 1),
        "yes" if course.accepted else "no",
    ]


def _avs(course: Course, begin: float, end: float) -> str:
    def mean(where: Callable[[Point], float]) -> str:
        found = course.av(where, begin, end)
        return NOTHING if found is None else f"{found:.1f}"

    return f"{mean(lambda point: point.here)} / {mean(lambda point: point.elsewhere)}"


def _outcome(outcome: Outcome) -> list[str]:
    faults = outcome.faults
    counts = (
        *(faults.sent, faults.lost, faults.outages, faults.duplicated, faults.reordered),
        *(faults.replayed, faults.restarts),
    )
    name = "none" if outcome.seed is None else f"seed {outcome.seed}"
    return [name, outcome.digest, *(f"{count:,}" for count in counts)]


def _arrival(arrival: Arrival | None) -> tuple[str, str]:
    if arrival is None:
        return NOTHING, NOTHING
    after = arrival.accepted_after
    return (NEVER if after is None else _minutes(after)), f"{arrival.refused} of {arrival.calls}"


def _cost(cost: Cost) -> list[str]:
    per_day = cost.per_day
    volume = cost.volume
    mean = volume.published / volume.contributions if volume.contributions else 0
    parts = (volume.published, volume.told, volume.candidates)
    published, told, candidates = (_bytes(each / volume.total * per_day) for each in parts)
    return [
        *(cost.site, str(cost.services), published, f"{mean:,.0f} B", f"{volume.largest:,} B", told, candidates),
        *(_bytes(per_day), _bytes(cost.papers)),
    ]


def _bytes(count: float) -> str:
    return f"{count / 1e6:.2f} MB"
