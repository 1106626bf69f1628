"""How robust detection is: every scenario of published.yaml, cold, with the shipped scoring and policy.

`python -m benchmarks.robustness` takes minutes, so `make benchmark` leaves it out. Whoever chooses something looks at
`--tuning` and nothing else: figures on seeds by which something was chosen would flatter.

Figures of all seeds are pooled: added up before any share is taken. False positives are normal rows that were refused.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import batched, product
from typing import Any

import click
import msgspec
import numpy as np

from benchmarks.feeding import judged
from benchmarks.scenarios import Published, load
from models.evaluation import ClassFigures, Episodes, Figures, Outcomes, figures
from policy.document import PolicyDocument
from proxy.evaluation.scoring import Scoring, subject_for
from proxy.evaluation.shipped import Federation
from proxy.evaluation.sites import SiteMap

HOUR = 3_600_000


class Run(msgspec.Struct, frozen=True):
    """One scenario with one seed."""

    figures: Figures
    after_update: int | None
    """False positives in the hour after an update began; `None` in scenarios without one."""


class Robustness(msgspec.Struct, frozen=True, kw_only=True):
    """One scenario in one federation, all seeds pooled. Rates are 0 to 1, `None` with nothing to take a share of."""

    scenario: str
    federation: Federation
    settings: dict[str, Any]
    anomalous: int
    true_positives: int
    detection_rate: float | None
    least_detection_rate: float | None
    """Of the seed with which it was least."""
    normal: int
    false_positives: int
    false_positive_rate: float | None
    false_positives_after_update: int | None
    """Those of them in the hour after an update began; `None` in scenarios without one."""
    episodes: Episodes
    classes: dict[str, ClassFigures]
    weakest: str | None
    """Class with the least detection rate, where there are several."""


def run(published: Published, name: str, seed: int, federation: Federation) -> Run:
    """Simulate and judge a scenario."""
    simulation = published.simulation(name, seed)
    subject = subject_for(
        Scoring.ALLEYES,
        policy=PolicyDocument(),
        sites=SiteMap.parse(simulation.sites),
        federation=federation,
        state=None,
    )
    outcomes = judged(simulation.rows(), subject)
    return Run(figures(outcomes), after_updates(outcomes, published.updates(name)))


def after_updates(outcomes: Outcomes, updates: Sequence[int]) -> int | None:
    """Count false positives less than an hour after any of these event times, ms; return `None` if there are none."""
    if not updates:
        return None
    times = outcomes.time[outcomes.refused & ~outcomes.anomalous]
    since = times[:, np.newaxis] - np.array(updates)
    return int(np.count_nonzero(((since >= 0) & (since < HOUR)).any(axis=1)))


def pooled(published: Published, name: str, federation: Federation, runs: Sequence[Run]) -> Robustness:
    """Add up the runs of a scenario, one for each seed."""
    each = [one.figures for one in runs]
    anomalous, detected = sum(one.anomalous for one in each), sum(one.true_positives for one in each)
    normal, wrongly = sum(one.normal for one in each), sum(one.false_positives for one in each)
    classes = {
        label: _class([one.classes[label] for one in each if label in one.classes])
        for label in sorted({label for one in each for label in one.classes})
    }
    return Robustness(
        scenario=name,
        federation=federation,
        settings=dict(published.scenarios[name]),
        anomalous=anomalous,
        true_positives=detected,
        detection_rate=detected / anomalous if anomalous else None,
        least_detection_rate=min((one.detection_rate for one in each if one.detection_rate is not None), default=None),
        normal=normal,
        false_positives=wrongly,
        false_positive_rate=wrongly / normal if normal else None,
        false_positives_after_update=sum(one.after_update or 0 for one in runs) if published.updates(name) else None,
        episodes=_episodes([one.episodes for one in each]),
        classes=classes,
        weakest=min(classes, key=lambda label: classes[label].detection_rate) if len(classes) > 1 else None,
    )


def _class(runs: Sequence[ClassFigures]) -> ClassFigures:
    rows, detected = sum(one.rows for one in runs), sum(one.detected for one in runs)
    return ClassFigures(
        rows=rows,
        detected=detected,
        detection_rate=detected / rows,
        first_detected_after=max(
            (one.first_detected_after for one in runs if one.first_detected_after is not None), default=None
        ),
        episodes=_episodes([one.episodes for one in runs]),
    )


def _episodes(runs: Sequence[Episodes]) -> Episodes:
    return Episodes(
        total=sum(one.total for one in runs),
        noticed=sum(one.noticed for one in runs),
        complete=sum(one.complete for one in runs),
    )


def measure(
    published: Published, names: Sequence[str], seeds: Sequence[int], federations: Sequence[Federation]
) -> Iterator[Robustness]:
    """Yield scenario by scenario what became of it, as soon as it is known; a run for each processor at a time."""
    settings = list(product(names, federations))
    tasks = [(published, name, seed, federation) for name, federation in settings for seed in seeds]
    # Spawned, so that no run has the memory of another; as many as there are processors, each with one simulation.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(os.cpu_count() or 1, len(tasks)), mp_context=context) as pool:
        runs = batched(pool.map(run, *zip(*tasks, strict=True)), len(seeds))
        for (name, federation), one in zip(settings, runs, strict=True):
            yield pooled(published, name, federation, one)


HEADER = (
    f"{'scenario':<24}{'federation':<11}{'anomalous':>10}{'detected':>10}{'least':>9}{'normal':>11}{'false pos.':>11}"
    f"{'rate':>10}{'updates':>9}{'episodes':>9}{'noticed':>8}{'complete':>9}  {'weakest class':<28}asks for"
)


def line(row: Robustness, asks: str) -> str:
    """Return a row of the table under `HEADER`."""
    weakest = f"{row.weakest} {percent(row.classes[row.weakest].detection_rate, 2)}" if row.weakest else "-"
    updates = "-" if row.false_positives_after_update is None else f"{row.false_positives_after_update:,}"
    return (
        f"{row.scenario:<24}{row.federation:<11}{row.anomalous:>10,}{percent(row.detection_rate, 2):>10}"
        f"{percent(row.least_detection_rate, 2):>9}{row.normal:>11,}{row.false_positives:>11,}"
        f"{percent(row.false_positive_rate, 4):>10}{updates:>9}{row.episodes.total:>9}{row.episodes.noticed:>8}"
        f"{row.episodes.complete:>9}  {weakest:<28}{asks}"
    )


def percent(share: float | None, digits: int) -> str:
    """Return a share of 1 as people read it; a dash where there is none."""
    return "-" if share is None else f"{share:.{digits}%}"


def seeds_of(published: Published, seeds: tuple[int, ...], *, tuning: bool) -> tuple[int, ...]:
    """Return the seeds that a command line asks for; raise UsageError where it asks for two sets."""
    if tuning and seeds:
        raise click.UsageError("--tuning names seeds already; leave --seed out")
    return seeds or (published.tuning if tuning else published.published).seeds


@click.command()
@click.option("--tuning", is_flag=True, help="The seeds for choosing instead of those for publishing.")
@click.option("--scenario", "names", multiple=True, help="Only this one; may be repeated.")
@click.option("--seed", "seeds", type=int, multiple=True, help="This seed instead; may be repeated.")
@click.option(
    "--federation",
    "federations",
    type=click.Choice([each.value for each in Federation]),
    multiple=True,
    default=[Federation.LIVE.value],
    show_default=True,
    help="Who learns from whom; may be repeated.",
)
@click.option("-o", "--output", type=click.Choice(["human", "json"]), default="human", help="Form of output.")
def main(
    *, tuning: bool, names: tuple[str, ...], seeds: tuple[int, ...], federations: tuple[str, ...], output: str
) -> None:
    """Print, for each scenario, what was detected and what was refused wrongly, all seeds pooled."""
    published = load()
    seeds = seeds_of(published, seeds, tuning=tuning)
    if unknown := [name for name in names if name not in published.scenarios]:
        raise click.UsageError(f"--scenario {unknown[0]}: there is no such; there are {', '.join(published.scenarios)}")
    rows = measure(published, names or tuple(published.scenarios), seeds, [Federation(each) for each in federations])
    if output == "json":
        found = {"seeds": seeds, "rows": list(rows)}
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
        return
    click.echo(
        f"robustness: scoring alleyes, cold start, seeds {' '.join(map(str, seeds))} pooled;"
        " least: of the worst seed; updates: false positives in the hour after one\n" + HEADER
    )
    for row in rows:
        click.echo(line(row, published.asks(row.scenario)))


if __name__ == "__main__":
    main()
