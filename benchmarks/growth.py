"""What an access costs and what is remembered, as more and more accesses have been seen: both should stay flat.

Two hours of a simulated home are played over and over, each time later, so nothing new happens however long it takes.
"""

from __future__ import annotations

import itertools
import resource
import statistics
import time
from collections.abc import Iterator

import click
import msgspec

from benchmarks.household import HOUR, START
from models.access import Access, Operation
from models.analyzer import Analyzer
from models.simulation.floorplan import family_home
from models.simulation.tempo import BRISK
from models.simulation.trace import Trace
from models.wire import Names, encode_descriptor, encode_model

SEED = 1
LOOP = 2 * HOUR
MEASURED = 10_000
"""Accesses that are timed before each mark."""
CHECKPOINTS = (10**4, 10**5, 10**6, 10**7)


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """Figures at one mark; times in microseconds per access."""

    accesses: int
    """Accesses seen so far."""
    score: float
    """Median."""
    both: float
    """Median of scoring and learning."""
    mean: float
    """Mean of scoring, learning and closing minutes, mining included."""
    state: int
    """Bytes of `Analyzer.dump`."""


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes on the wire."""

    descriptor: float
    """Mean of all descriptors of a day, each name told once."""
    relationship: float
    """Of all models, for each relationship in them."""


def endless() -> Iterator[Access]:
    """Yield two hours of a home over and over; services register in the first round only."""
    home = Trace(family_home(), seed=SEED, start=START, tempo=BRISK)
    accesses = [observed.access for observed in home.until(START + LOOP)]
    yield from accesses
    again = [access for access in accesses if access.operation is not Operation.REGISTER]
    for number in itertools.count(1):
        for access in again:
            yield msgspec.structs.replace(access, time=access.time + number * LOOP)


def growth(most: int) -> Iterator[Costs]:
    """Yield what was measured before each of 10^4, 10^5, ... accesses, up to `most`."""
    analyzer, accesses, seen = Analyzer(), endless(), 0
    for mark in CHECKPOINTS:
        if mark > most:
            return
        for access in itertools.islice(accesses, mark - MEASURED - seen):
            analyzer.advance(access.time)
            analyzer.score(access)
            analyzer.learn(access)
        yield _measure(analyzer, itertools.islice(accesses, MEASURED), mark)
        seen = mark


def _measure(analyzer: Analyzer, accesses: Iterator[Access], mark: int) -> Costs:
    clock = time.perf_counter_ns
    scores, both, spent = [], [], 0
    for access in accesses:
        begun = clock()
        analyzer.advance(access.time)
        advanced = clock()
        analyzer.score(access)
        scored = clock()
        analyzer.learn(access)
        learnt = clock()
        scores.append(scored - advanced)
        both.append(learnt - advanced)
        spent += learnt - begun
    return Costs(
        accesses=mark,
        score=statistics.median(scores) / 1000,
        both=statistics.median(both) / 1000,
        mean=spent / len(both) / 1000,
        state=len(analyzer.dump()),
    )


def sizes() -> Sizes:
    """Return the bytes of descriptors and models after a day of a simulated home."""
    analyzer, names = Analyzer(), Names()
    lengths: list[int] = []
    home = Trace(family_home(), seed=SEED, start=START)
    for observed in home.until(START + 24 * HOUR):
        descriptors = analyzer.advance(observed.access.time)
        lengths.extend(len(encode_descriptor(descriptor, names)) for descriptor in descriptors)
        analyzer.score(observed.access)
        analyzer.learn(observed.access)
    models = analyzer.models().values()
    relationships = sum(len(model.relationships) for model in models)
    return Sizes(
        descriptor=statistics.mean(lengths),
        relationship=sum(len(encode_model(model)) for model in models) / relationships,
    )


@click.command()
@click.option("--most", default=10**6, show_default=True, help="Accesses to see; 10000000 takes minutes.")
def main(most: int) -> None:
    """Print the figures."""
    click.echo(
        "growth: microseconds per access, over the 10,000 before each mark; in brackets as multiples of the first\n"
        f"{'accesses':>12}{'score, median':>18}{'score and learn':>18}{'mean, all in':>18}{'bytes of state':>18}"
    )
    first: Costs | None = None
    for costs in growth(most):
        first = first or costs
        figures = (
            f"{f'{value:.1f} ({value / base:.2f})':>18}"
            for value, base in ((costs.score, first.score), (costs.both, first.both), (costs.mean, first.mean))
        )
        state = f"{costs.state:,} ({costs.state / first.state:.2f})"
        click.echo(f"{costs.accesses:>12,}{''.join(figures)}{state:>18}")
    lengths = sizes()
    click.echo(
        f"sizes, after a day of a home: {lengths.descriptor:.1f} bytes per descriptor (mean), "
        f"{lengths.relationship:.1f} bytes of models per relationship\n"
        f"memory: at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB, interpreter included"
    )


if __name__ == "__main__":
    main()
