"""Bytes that a node sends of what it learnt, after hours and days of a simulated home, and what they cost a service.

The paper sends a descriptor of 96 bytes, on average, for each instance and minute. A contribution is all that the
instances of a type did since their node began: counts, so that it grows with their digits, and with what is new.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import click
import msgspec

from benchmarks.household import HOUR, START
from models.analyzer import Analyzer
from models.communication_model import CommunicationModel
from models.contributions import Contribution
from models.descriptor import MINUTE
from models.exchange.envelope import decode_contribution, encode_contribution
from models.exchange.pool import Pool
from models.simulation.floorplan import family_home
from models.simulation.trace import Trace
from models.wire import Names, encode_descriptor, encode_model

SEED = 1
MARKS = (1.0, 6.0, 24.0, 72.0)
"""Hours."""
PAPER = 96
"""Bytes per descriptor, on average (paper, section V-A)."""
ROUNDS = 20
"""Of measuring what a contribution costs; the fastest counts, as others use the machine as well."""


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes up to one mark."""

    hours: float
    accesses: int
    descriptor: float
    """Mean of all descriptors so far, each name told once per connection."""
    largest_descriptor: int
    contributions: dict[str, int]
    """By service type, as sent at the mark."""
    models: dict[str, CommunicationModel]
    """To be read only; they go on changing."""


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """What contributions cost a service, in microseconds, mean over the types."""

    read: float
    """Bytes to a contribution that was checked."""
    put: float
    """The sum without the old state and with the new one, where every relationship changed."""
    idle: float
    """The same where only minutes passed."""
    kept: float
    """Bytes that are kept per contribution."""


def sizes(marks: Iterable[float]) -> Iterator[Sizes]:
    """Yield what a home sends after so many hours, in rising order."""
    analyzer, names = Analyzer(), Names()
    home = Trace(family_home(), seed=SEED, start=START)
    accesses, lengths = 0, [0]
    for hours in marks:
        for observed in home.until(START + int(hours * HOUR)):
            access = observed.access
            lengths += [len(encode_descriptor(each, names)) for each in analyzer.advance(access.time)]
            analyzer.score(access)
            analyzer.learn(access)
            accesses += 1
        yield Sizes(
            hours=hours,
            accesses=accesses,
            descriptor=statistics.mean(lengths),
            largest_descriptor=max(lengths),
            contributions={name: len(_encoded(model)) for name, model in analyzer.models().items()},
            models=dict(analyzer.models()),
        )


def costs(models: Iterable[CommunicationModel], minute: int) -> Costs:
    """Measure with these models; `minute` is event time."""
    read, put, idle, kept = [], [], [], []
    for model in models:
        sent = _encoded(model)
        changed = msgspec.structs.replace(
            model,
            weight=model.weight + 1,
            relationships={
                key: msgspec.structs.replace(each, weight=each.weight + 1) for key, each in model.relationships.items()
            },
        )
        later = msgspec.structs.replace(model, weight=model.weight + 1)
        read.append(_fastest(partial(decode_contribution, model.service_type, sent, now_minute=minute)))
        put.append(_fastest(_putting(model, changed)))
        idle.append(_fastest(_putting(model, later)))
        kept.append(len(encode_model(model)))
    return Costs(
        read=statistics.mean(read), put=statistics.mean(put), idle=statistics.mean(idle), kept=statistics.mean(kept)
    )


def _putting(one: CommunicationModel, other: CommunicationModel) -> Callable[[], object]:
    """Return what puts the two in turn, with a few origins beside."""
    pool = Pool(one.service_type)
    for origin in ("a", "b", "c"):
        pool.put(origin, Contribution(epoch=1, sequence=0, model=one))

    def put() -> None:
        _, sequence = pool.stamp("a") or (0, 0)
        model = one if sequence % 2 else other
        pool.put("a", Contribution(epoch=1, sequence=sequence + 1, model=model))

    return put


def _encoded(model: CommunicationModel) -> bytes:
    return encode_contribution(Contribution(epoch=START, sequence=model.weight, model=model))


def _fastest(work: Callable[[], object]) -> float:
    spent = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        work()
        spent.append(time.perf_counter() - begun)
    return min(spent) * 1e6


@click.command()
@click.option(
    "--hours", multiple=True, type=float, default=MARKS, show_default=True, help="When to look, in rising order."
)
def main(hours: tuple[float, ...]) -> None:
    """Print the figures."""
    found = list(sizes(hours))
    click.echo(
        f"a simulated home of {len(family_home().services)} instances; bytes, against the paper's {PAPER} per "
        f"descriptor (mean)\n{'hours':>7}{'accesses':>12}{'descriptor, mean':>18}{'max':>6}"
        f"{'contribution, mean':>20}{'max':>6}{'all types':>11}{'paper, all instances':>22}"
    )
    for each in found:
        lengths = each.contributions.values()
        click.echo(
            f"{each.hours:>7g}{each.accesses:>12,}{each.descriptor:>18.1f}{each.largest_descriptor:>6}"
            f"{statistics.mean(lengths):>20.0f}{max(lengths):>6}{sum(lengths):>11,}"
            f"{PAPER * len(family_home().services):>22,}"
        )
    click.echo(f"\n{'contribution after hours':<26}" + "".join(f"{each.hours:>8g}" for each in found))
    for name in found[-1].contributions:
        click.echo(f"{name:<26}" + "".join(f"{each.contributions.get(name, 0):>8}" for each in found))
    spent = costs(found[-1].models.values(), START // MINUTE + int(found[-1].hours * 60))
    click.echo(
        f"\na contribution, mean over the types: read and checked in {spent.read:.0f} us, put in the place of the one "
        f"before in {spent.put:.0f} us\nwhere all changed and in {spent.idle:.0f} us where only minutes passed; "
        f"{spent.kept:.0f} bytes are kept of it"
    )


if __name__ == "__main__":
    main()
