"""What each mechanism is worth: every gap of the paper, judged with everything and without what was built for it.

`python -m benchmarks.ablation` takes minutes, as `benchmarks.robustness` does, whose scenarios and seeds these are:
whoever chooses something looks at `--tuning` and nothing else. Cold start, shipped policy, seeds pooled. What a
mechanism gains is shown in rows; the class that loses most without it is named where there are several.

Superposed timers are simulated; `--periodicity FILE` takes recorded ones beside them: a labelled trace in the form of
the public data set, as its second file.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import click
import msgspec

from benchmarks.feeding import judged
from benchmarks.omission import OMISSIONS, RATES, STRANGE_PARTNERS, TERMS, left_out
from benchmarks.robustness import percent, seeds_of
from benchmarks.scenarios import Published, load
from benchmarks.terms import recorded
from models.anomaly import LOCATION, PARTNER, PERIOD, RATE, SEQUENCE, TEXT, VALUE
from models.evaluation import Figures, figures
from models.normal_form import RELATIONSHIP
from models.simulation.trace import Observed
from policy.document import PolicyDocument
from proxy.evaluation.shipped import FederatedSubject, Federation
from proxy.evaluation.sites import SiteMap

PERIODICITY = "periodicity"
"""Stands in the table where a scenario does, for the trace that `--periodicity` names."""
FAST_RATE, SLOW_RATE = RATES
REGISTRATION = "registration"
RULES_OF_SITES = ("sites", "onsets", "third", "nearly all", "quorate", "established")


class Gap(NamedTuple):
    """One circumstance in which a gap shows, and what was built for it or might matter there."""

    gap: str
    scenario: str
    mechanisms: tuple[str, ...]
    federation: Federation = Federation.LIVE


GAPS = (
    Gap("the paper's attacks, and an update", "plain", (RELATIONSHIP, LOCATION, RATE, TEXT, "habit", *RULES_OF_SITES)),
    Gap("slow DoS", "slow_dos_weak", (SLOW_RATE,)),
    Gap("slow DoS", "slow_dos", (FAST_RATE, SLOW_RATE, "habit", "pause")),
    Gap("slow DoS", "slow_dos_strong", (SLOW_RATE,)),
    Gap("single irregular accesses", PERIODICITY, (PERIOD, FAST_RATE, SLOW_RATE)),
    Gap("single irregular accesses", "mimicry", (PERIOD,)),
    Gap("single irregular accesses", "irregular_in_loops", (PERIOD,)),
    Gap("single irregular accesses", "timers_two", (PERIOD, FAST_RATE, SLOW_RATE)),
    Gap("single irregular accesses", "timers_three", (PERIOD,)),
    Gap("single irregular accesses", "timers_often", (PERIOD,)),
    Gap("timers that change", "timers_update", (PERIOD,)),
    Gap("values", "value_out_of_range", (VALUE, TEXT)),
    Gap("values", "value_drift", (VALUE,)),
    Gap("sequences", "event_order", (SEQUENCE,)),
    Gap("sequences", "missing_access", (SEQUENCE,)),
    Gap("cross-room", "cross_room", (LOCATION, PARTNER, STRANGE_PARTNERS)),
    Gap("slow scan", "slow_scan", (RELATIONSHIP, PARTNER)),
    Gap("unregistered services", "unregistered_service", (REGISTRATION,)),
    Gap("renamed services", "renamed_service", (REGISTRATION, RELATIONSHIP)),
    Gap("single-instance update", "single_instance_update", ("sites", "onsets", "third")),
    Gap("single-instance update", "single_instance_update", ("agreement",), Federation.ISOLATED),
    Gap("isolated site", "plain", ("agreement",), Federation.ISOLATED),
    Gap("poisoned sites", "poisoning_one_site", ("onsets", "third", "quorate", "established")),
    Gap("poisoned sites", "poisoning_two_sites", ("sites", "onsets", "third", "quorate")),
    Gap("an attacker in two sites", "two_sites_at_once", ("third", "onsets")),
    Gap("brownfield", "brownfield", ("learnt instances", REGISTRATION, RELATIONSHIP)),
    Gap("silent night", "silent_night", ("pause", PERIOD)),
    Gap("day and night", "day_night", ("pause", "habit", PERIOD)),
    Gap("disorder", "disorder", ("late stamps", PERIOD)),
)
"""Every scenario of published.yaml, at least once."""


def offered(gap: Gap) -> tuple[str, ...]:
    """Return the mechanisms of a gap that there are: a term that is not in the score cannot be left out."""
    return tuple(name for name in gap.mechanisms if name in OMISSIONS)


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the rows of one circumstance, seeds pooled."""

    detected: int
    detection_rate: float | None
    """0 to 1; `None` without anomalous rows, as the next for normal ones."""
    false_positives: int
    false_positive_rate: float | None
    noticed: int
    """Episodes of which at least one row was refused."""


class Ablation(msgspec.Struct, frozen=True, kw_only=True):
    """One mechanism left out in one circumstance."""

    gap: str
    scenario: str
    federation: Federation
    mechanism: str
    instead: str
    anomalous: int
    normal: int
    episodes: int
    everything: Count
    without: Count
    most_affected: str | None
    """The class whose detection differs most, where there are several and one does."""

    @property
    def detects(self) -> int:
        """Anomalous rows that are refused thanks to the mechanism; less than 0 where it hides some."""
        return self.everything.detected - self.without.detected

    @property
    def spares(self) -> int:
        """Normal rows that pass thanks to the mechanism; less than 0 where it is to blame for refusals."""
        return self.without.false_positives - self.everything.false_positives


def judge_all(rows: Sequence[Observed], sites: SiteMap, gap: Gap) -> list[Figures]:
    """Return figures with everything, then without each mechanism of a gap."""
    found = []
    for mechanism in (None, *offered(gap)):
        with left_out(mechanism) as analyzer:
            subject = FederatedSubject(PolicyDocument(), sites, gap.federation, analyzer=analyzer)
            found.append(figures(judged(rows, subject)))
    return found


def run(published: Published, periodicity: Path | None, gap: Gap, seed: int) -> list[Figures]:
    """Judge what a gap asks for; a seed changes nothing about a recorded trace."""
    if gap.scenario == PERIODICITY:
        if periodicity is None:
            raise ValueError("there is no trace of superposed timers")
        return judge_all(list(recorded(periodicity)), SiteMap(), gap)
    simulation = published.simulation(gap.scenario, seed)
    return judge_all(list(simulation.rows()), SiteMap.parse(simulation.sites), gap)


def compared(gap: Gap, runs: Sequence[Sequence[Figures]]) -> Iterator[Ablation]:
    """Yield a row for each mechanism of a gap, from what `judge_all` found with each seed."""
    everything, *others = zip(*runs, strict=True)
    for mechanism, without in zip(offered(gap), others, strict=True):
        yield Ablation(
            gap=gap.gap,
            scenario=gap.scenario,
            federation=gap.federation,
            mechanism=mechanism,
            instead=OMISSIONS[mechanism].instead,
            anomalous=sum(each.anomalous for each in everything),
            normal=sum(each.normal for each in everything),
            episodes=sum(each.episodes.total for each in everything),
            everything=_count(everything),
            without=_count(without),
            most_affected=_most_affected(everything, without),
        )


def _count(runs: Sequence[Figures]) -> Count:
    anomalous, normal = sum(each.anomalous for each in runs), sum(each.normal for each in runs)
    detected, wrongly = sum(each.true_positives for each in runs), sum(each.false_positives for each in runs)
    return Count(
        detected=detected,
        detection_rate=detected / anomalous if anomalous else None,
        false_positives=wrongly,
        false_positive_rate=wrongly / normal if normal else None,
        noticed=sum(each.episodes.noticed for each in runs),
    )


def _most_affected(everything: Sequence[Figures], without: Sequence[Figures]) -> str | None:
    before, after = _by_class(everything), _by_class(without)
    if len(before) < 2:
        return None
    label = max(before, key=lambda each: abs(before[each] - after[each]))
    return f"{label} {before[label]:.0%} to {after[label]:.0%}" if before[label] != after[label] else None


def _by_class(runs: Sequence[Figures]) -> dict[str, float]:
    rows: dict[str, int] = {}
    detected: dict[str, int] = {}
    for each in runs:
        for label, found in each.classes.items():
            rows[label] = rows.get(label, 0) + found.rows
            detected[label] = detected.get(label, 0) + found.detected
    return {label: detected[label] / rows[label] for label in rows}


def measure(
    published: Published, gaps: Sequence[Gap], seeds: Sequence[int], periodicity: Path | None
) -> Iterator[Ablation]:
    """Yield rows gap by gap, as soon as they are known; one trace for each processor at a time."""
    turns = [(gap, seeds[:1] if gap.scenario == PERIODICITY else seeds) for gap in gaps]
    tasks = [(gap, seed) for gap, own in turns for seed in own]
    # Spawned, and not shared with anything else: what is left out is left out of a whole process.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(os.cpu_count() or 1, len(tasks)), mp_context=context) as pool:
        runs = pool.map(partial(run, published, periodicity), *zip(*tasks, strict=True))
        for gap, own in turns:
            yield from compared(gap, [next(runs) for _ in own])


HEADER = (
    f"{'gap':<36}{'scenario':<24}{'federation':<11}{'left out':<18}{'anomalous':>10}{'with':>9}{'without':>9}"
    f"{'detects':>9}{'episodes':>10}{'with':>6}{'without':>9}{'false pos.':>12}{'without':>9}{'spares':>8}"
    "  most affected class"
)


def line(row: Ablation) -> str:
    """Return a row of the table under `HEADER`."""
    before, after = row.everything, row.without
    return (
        f"{row.gap:<36}{row.scenario:<24}{row.federation:<11}{row.mechanism:<18}{row.anomalous:>10,}"
        f"{percent(before.detection_rate, 2):>9}{percent(after.detection_rate, 2):>9}{row.detects:>+9,}"
        f"{row.episodes:>10}{before.noticed:>6}{after.noticed:>9}"
        f"{before.false_positives:>12,}{after.false_positives:>9,}{row.spares:>+8,}  {row.most_affected or '-'}"
    )


def idle(rows: Sequence[Ablation]) -> list[str]:
    """Return the mechanisms that detect nothing and spare nobody in any circumstance that was measured.

    That is no proof that they are worth nothing: another may find the same, or no circumstance may need them.
    """
    useful = {row.mechanism for row in rows if row.detects > 0 or row.spares > 0}
    return list(dict.fromkeys(row.mechanism for row in rows if row.mechanism not in useful))


def skipped(gaps: Sequence[Gap], periodicity: Path | None) -> dict[str, str]:
    """Return which scenarios, or mechanisms, are asked for and cannot be measured, and why."""
    reasons = {}
    if periodicity is None and any(gap.scenario == PERIODICITY for gap in gaps):
        reasons[PERIODICITY] = "no recorded trace of superposed timers; name one with --periodicity"
    wanted = dict.fromkeys(name for gap in gaps for name in gap.mechanisms)
    return reasons | {name: "no term of this name in models.anomaly" for name in wanted if name not in OMISSIONS}


@click.command()
@click.option("--tuning", is_flag=True, help="The seeds for choosing instead of those for publishing.")
@click.option("--scenario", "names", multiple=True, help="Only this one; may be repeated.")
@click.option("--seed", "seeds", type=int, multiple=True, help="This seed instead; may be repeated.")
@click.option("--periodicity", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Superposed timers.")
@click.option("-o", "--output", type=click.Choice(["human", "json"]), default="human", help="Form of output.")
def main(
    *, tuning: bool, names: tuple[str, ...], seeds: tuple[int, ...], periodicity: Path | None, output: str
) -> None:
    """Print what is detected and what is refused wrongly with everything, and without each mechanism."""
    published = load()
    seeds = seeds_of(published, seeds, tuning=tuning)
    known = dict.fromkeys(gap.scenario for gap in GAPS)
    if unknown := [name for name in names if name not in known]:
        raise click.UsageError(f"--scenario {unknown[0]}: there is no such; there are {', '.join(known)}")
    wanted = [gap for gap in GAPS if not names or gap.scenario in names]
    reasons = skipped(wanted, periodicity)
    gaps = [gap for gap in wanted if gap.scenario not in reasons and offered(gap)]
    found = measure(published, gaps, seeds, periodicity) if gaps else iter(())
    if output == "json":
        rows = list(found)
        answer = {"seeds": seeds, "terms": TERMS, "rows": rows, "idle": idle(rows), "skipped": reasons}
        click.echo(msgspec.json.format(msgspec.json.encode(answer), indent=2))
        return
    click.echo(
        f"ablation: scoring alleyes, cold start, seeds {' '.join(map(str, seeds))} pooled; detects: anomalous rows"
        " refused thanks to what is left out; spares: normal rows that pass thanks to it\n" + HEADER
    )
    rows = []
    for row in found:
        rows.append(row)
        click.echo(line(row))
    for name, reason in reasons.items():
        click.echo(f"skipped {name}: {reason}")
    click.echo(f"detect nothing and spare nobody here: {', '.join(idle(rows)) or 'none'}")


if __name__ == "__main__":
    main()
