"""What the paper's detection depends on: its two parameters that it does not give, maxModelWeight and the threshold.

The threshold is chosen in hindsight, for the best accuracy on the very trace: no installation could have known it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np

from proxy.evaluation.paper import PaperSubject
from proxy.evaluation.run import evaluate
from proxy.evaluation.trace import Trace, TraceError

WEIGHTS = (100, 300, 1000, 3000)
THRESHOLDS = (2.0, 3.0, 5.0, 7.0, 10.0, 20.0)


def sweep(path: Path, weight: int) -> Iterator[str]:
    """Yield a line of figures for each threshold, the best in hindsight last.

    Args:
        path: A labelled trace.
        weight: maxModelWeight.

    Raises:
        TraceError: the trace cannot be read.
    """
    outcomes = evaluate(Trace(path), PaperSubject(max_model_weight=weight)).outcomes
    av, anomalous = outcomes.av, outcomes.label != 0
    candidates = np.unique(np.concatenate((np.round(av, 1), THRESHOLDS)))
    best = max(candidates, key=lambda each: float(((av >= each) == anomalous).mean()))
    for threshold, remark in (*((each, "") for each in THRESHOLDS), (float(best), "best accuracy in hindsight")):
        refused = av >= threshold
        yield (
            f"{weight:>14} {threshold:>10.1f} {refused[anomalous].mean():>10.2%} {refused[~anomalous].mean():>11.3%}"
            f" {(refused == anomalous).mean():>9.2%}  {remark}"
        )


@click.command()
@click.argument("trace", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--max-model-weight", type=click.IntRange(min=1), multiple=True, default=WEIGHTS, show_default=True)
def main(trace: Path, max_model_weight: tuple[int, ...]) -> None:
    """Print detection, false positives and accuracy on TRACE for several parameters of the paper."""
    click.echo("maxModelWeight  threshold  detection  false pos.  accuracy")
    try:
        for weight in max_model_weight:
            for line in sweep(trace, weight):
                click.echo(line)
    except TraceError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
