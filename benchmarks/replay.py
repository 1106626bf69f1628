"""How well the judge tells attacks from normal calls on a labelled trace in the form of the paper's public data set.

The trace is judged and learnt row by row in its own event time, by the same engine as live calls, with one model per
service type: in learn mode for the first part, then in enforce mode. Quarantine is off, so that one refusal does not
hide the next.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

from models.access import Access, Operation
from models.analyzer import Analyzer
from policy.document import PolicyDocument
from policy.engine import Engine
from policy.quarantine import QuarantineRegister
from policy.verdict import Action, Call, Sender, Strength

OPERATIONS = {
    "read": Operation.GET,
    "write": Operation.SET,
    "subscribe": Operation.SUBSCRIBE,
    "lockSubtree": Operation.LOCK,
    "registerService": Operation.REGISTER,
}
NORMAL = "normal"


@dataclass(frozen=True)
class Row:
    """One labelled access."""

    access: Access
    label: str
    """`normal`, or the name of the attack class as the data set writes it, without `anomalous()`."""


@dataclass
class Outcome:
    """How many rows of each label there were, and how many of them were refused."""

    rows: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def detection_rate(self) -> float:
        """Share of the anomalous rows that were refused."""
        anomalous = self.rows.total() - self.rows[NORMAL]
        return (self.refused.total() - self.refused[NORMAL]) / anomalous if anomalous else 0.0

    @property
    def false_positive_rate(self) -> float:
        """Share of the normal rows that were refused."""
        return self.refused[NORMAL] / self.rows[NORMAL] if self.rows[NORMAL] else 0.0


def read_trace(path: Path) -> Iterator[Row]:
    """Yield the rows of a trace with a header line, plain or gzipped.

    Raises:
        click.ClickException: a row that cannot be read, with its line number.
    """
    with (
        gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as binary,
        io.TextIOWrapper(binary, encoding="utf-8", newline="") as text,
    ):
        for number, row in enumerate(csv.DictReader(text), start=2):
            try:
                yield Row(_access(row), row["normality"].removeprefix("anomalous(").removesuffix(")"))
            except (KeyError, ValueError) as error:
                raise click.ClickException(f"{path}:{number}: {error!r}; is it a trace of the data set?") from error


def _access(row: dict[str, str]) -> Access:
    return Access(
        time=int(float(row["timestamp"])),
        source=row["sourceAddress"],
        source_type=row["sourceType"] or None,
        source_location=row["sourceLocation"] or None,
        destination=row["destinationServiceAddress"],
        destination_type=row["destinationServiceType"] or None,
        destination_location=row["destinationLocation"] or None,
        node=row["accessedNodeAddress"],
        operation=OPERATIONS[row["operation"]],
        data_type=row["accessedNodeType"] or None,
        value=row["value"] or None,
    )


def _policy(mode: str) -> PolicyDocument:
    return PolicyDocument.model_validate({"mode": mode, "thresholds": {"quarantine": None}, "unknown_node": "forward"})


def replay(rows: Iterator[Row], *, learn_seconds: float, count_to: float) -> Outcome:
    """Judge a trace; learn mode for its first `learn_seconds`, counting the rows of its first `count_to` seconds."""
    analyzer = Analyzer()
    engine = Engine(analyzer=analyzer, policy=_policy("learn"), revision="learn", quarantines=QuarantineRegister())
    outcome = Outcome()
    begin: int | None = None
    for row in rows:
        access = row.access
        begin = access.time if begin is None else begin
        elapsed = (access.time - begin) / 1000
        if elapsed >= count_to:
            break
        if elapsed >= learn_seconds and engine.revision == "learn":
            engine.replace_policy(_policy("enforce"), "enforce")
        analyzer.advance(access.time)
        verdict = engine.judge(_call(access), now=access.time / 1000)
        engine.conclude(verdict, accepted=True)
        outcome.rows[row.label] += 1
        outcome.refused[row.label] += verdict.would_be is not Action.FORWARD
    return outcome


def _call(access: Access) -> Call:
    sender = Sender(
        address=access.source, service_type=access.source_type, strength=Strength.CERTIFICATE, ip="192.0.2.1"
    )
    return Call(sender=sender, accesses=(access,), time=access.time)


@click.command()
@click.argument("trace", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--learn-seconds", default=3600.0, show_default=True, help="How long it learns before it enforces.")
@click.option("--count-to", default=float("inf"), help="Seconds of the trace after which nothing is judged any more.")
def main(trace: Path, learn_seconds: float, count_to: float) -> None:
    """Judge TRACE and print detection and false positives."""
    outcome = replay(read_trace(trace), learn_seconds=learn_seconds, count_to=count_to)
    click.echo("\n".join(_lines(outcome)))


def _lines(outcome: Outcome) -> Sequence[str]:
    false = f"{outcome.false_positive_rate:.3%} of {outcome.rows[NORMAL]} normal rows"
    labels = sorted(outcome.rows.items())
    return [
        f"detection {outcome.detection_rate:.2%}, false positives {false}",
        *(f"  {label:<20} {outcome.refused[label]:>6} of {count:>6} refused" for label, count in labels),
    ]


if __name__ == "__main__":
    main()
