"""What each missing feature costs (the paper's Fig. 3): a labelled trace, judged with all that there is and with less.

What is left out is what a middleware may not offer: locations, types of services, data types, values. The rows of the
table are runs of the shipped scoring, cold and with the shipped policy, that differ in nothing else.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import click

from policy.document import PolicyDocument
from proxy.evaluation.report.compare import BUDGET, Run, Setting, Task, perform
from proxy.evaluation.report.variants import VARIANTS
from proxy.evaluation.run import Selection
from proxy.evaluation.scoring import Scoring
from proxy.evaluation.shipped import Federation
from proxy.evaluation.sites import SiteMap
from proxy.evaluation.trace import TraceError

HEADING = ("left out", "detected", "episodes noticed", "false positives", f"detected at {BUDGET:.1%} false positives")


def rows(runs: Iterator[Run]) -> Iterator[str]:
    """Yield the table in Markdown, a line for each run when it is through."""
    yield f"| {' | '.join(HEADING)} |"
    yield "|" + "---|" * len(HEADING)
    for run in runs:
        figures = run.figures
        episodes = figures.episodes
        cells = (
            run.task.without or "nothing",
            "-" if figures.detection_rate is None else f"{figures.detection_rate:.2%}",
            f"{episodes.noticed} of {episodes.total}",
            "-"
            if figures.false_positive_rate is None
            else f"{figures.false_positive_rate:.3%} ({figures.false_positives:,})",
            "-" if run.roc is None else f"{run.roc.at(BUDGET):.2%}",
        )
        yield f"| {' | '.join(cells)} |"


@click.command()
@click.argument("trace", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--sites", default="", help="Ranges of agents that are one site each, e.g. 1-6,10-11; default: one site.")
@click.option("--processes", type=click.IntRange(min=1), default=os.cpu_count() or 1, help="Runs beside each other.")
def main(trace: Path, sites: str, processes: int) -> None:
    """Print what each missing feature costs on TRACE."""
    try:
        site_map = SiteMap.parse(sites) if sites else SiteMap()
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    setting = Setting(trace, PolicyDocument(), site_map, Federation.LIVE, None, Selection())
    tasks = [Task(Scoring.ALLEYES), *(Task(Scoring.ALLEYES, each.name) for each in VARIANTS)]
    # Spawned, so that no worker has the memory of this process.
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            for line in rows(pool.map(partial(perform, setting), tasks)):
                click.echo(line)
        except TraceError as error:
            raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
