"""Detection side by side: every method sees the same features of the same accesses in the same order, in one run.

Every method starts knowing nothing and learns from unlabelled accesses. Beside the rates at each method's own threshold
stands what it detects at 0.1 % false positives, with the threshold chosen in hindsight: what its values are worth
to someone who had known. What it has learnt until then still depends on its own threshold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import numpy as np

from benchmarks.contenders import FALSE_ALARMS, HOUR, Run, contenders
from benchmarks.household import attacked_home
from models.access import Access
from models.evaluation import roc_curve
from models.simulation.trace import NORMAL
from proxy.evaluation.sites import SiteMap
from proxy.evaluation.trace import Trace, TraceError

SIMULATED_HOURS = 6.0
SEED = 1


def detected_at(run: Run, anomalous: Sequence[bool], most: float = FALSE_ALARMS) -> float:
    """Return the best detection rate with at most so many false positives, both 0 to 1."""
    wrongly, detected, _ = roc_curve(run.av, np.array(anomalous))
    return float(detected[wrongly <= most].max())


def compare(accesses: Sequence[Access], anomalous: Sequence[bool], sites: SiteMap) -> Iterator[str]:
    """Yield a line of figures for each method, when it is through.

    Args:
        accesses: In the order in which they are judged.
        anomalous: Which of them are attacks; there must be some, and some others.
        sites: Which agents are one site, for ours.
    """
    attack = np.array(anomalous)
    yield (
        f"{'':<32}{'own threshold':>25}{f'at {FALSE_ALARMS:.1%} false':>17}{'µs per':>9}{'bytes of':>12}\n"
        f"{'':<32}{'detected':>11}{'false pos.':>14}{'pos., detected':>17}{'access':>9}{'state':>12}"
    )
    for name, contender in contenders(sites).items():
        if isinstance(contender, str):
            yield f"{name:<32}  left out: {contender}"
            continue
        run = contender(accesses)
        yield (
            f"{name:<32}{run.refused[attack].mean():>11.2%}{run.refused[~attack].mean():>14.3%}"
            f"{detected_at(run, anomalous):>17.2%}{1e6 * run.seconds / len(accesses):>9.1f}{run.state:>12,}"
        )


@click.command()
@click.argument("trace", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=False)
@click.option("--sites", default="", help="Ranges of agents that are one site each, e.g. 1-6,10-11; default: one site.")
@click.option("--hours", default=float("inf"), help="Hours from the first access that are judged, the same for all.")
def main(trace: Path | None, sites: str, hours: float) -> None:
    """Compare methods on TRACE, or on a simulated home."""
    try:
        site_map = SiteMap.parse(sites) if sites else SiteMap()
        accesses, anomalous = _simulated() if trace is None else _read(trace)
    except (TraceError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    end = accesses[0].time + hours * HOUR if accesses else 0
    count = sum(access.time < end for access in accesses)
    accesses, anomalous = accesses[:count], anomalous[:count]
    if len(set(anomalous)) != 2:
        raise click.ClickException("detection takes normal and anomalous rows; give another trace, or more hours of it")
    what = trace or f"a simulated home ({SIMULATED_HOURS:g} h, seed {SEED})"
    click.echo(f"detection: {what}; {count} accesses, {sum(anomalous)} of them attacks")
    for line in compare(accesses, anomalous, site_map):
        click.echo(line)


def _simulated() -> tuple[list[Access], list[bool]]:
    observed = attacked_home(SIMULATED_HOURS, seed=SEED)
    return [each.access for each in observed], [each.label != NORMAL for each in observed]


def _read(path: Path) -> tuple[list[Access], list[bool]]:
    rows = list(Trace(path))
    return [row.access for row in rows], [row.label != NORMAL for row in rows]


if __name__ == "__main__":
    main()
