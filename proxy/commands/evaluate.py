"""`alleyes evaluate`: how well a labelled trace would have been judged."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click
import msgspec

from models.evaluation import Figures
from policy.document import PolicyDocument
from policy.loading import DocumentError
from policy.printable import printable
from proxy.commands.numbers import Finite
from proxy.commands.options import refuse
from proxy.commands.reporting import check_report
from proxy.evaluation.report.compare import Run, Setting, Task, kept
from proxy.evaluation.report.write import write_report
from proxy.evaluation.run import TOLERATED, Evaluation, Selection, evaluate
from proxy.evaluation.scoring import Scoring, subject_for
from proxy.evaluation.shipped import FederatedSubject, Federation
from proxy.evaluation.sites import SiteMap
from proxy.evaluation.trace import Trace, TraceError
from proxy.policy_file import load_policy

_INCOMPLETE = 1
"""Exit code where there are figures, but something is wrong with them or missing beside them."""
_WORTH_A_WARNING = 0.01
"""Share of the rows from which on it is told what is odd about them."""
_LONGEST = 200
_FILE = click.Path(path_type=Path, dir_okay=False)
_SECONDS = Finite(min=0)


def _sites(_context: click.Context, _parameter: click.Parameter, value: str | None) -> SiteMap:
    try:
        return SiteMap() if value is None else SiteMap.parse(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _where(_context: click.Context, _parameter: click.Parameter, values: Sequence[str]) -> list[tuple[str, str]]:
    found = []
    for value in values:
        column, equals, wanted = value.partition("=")
        if not column or not equals:
            raise click.BadParameter(f"{value!r} names no column and value; write e.g. content_real=1")
        found.append((column.strip(), wanted.strip()))
    return found


@click.command("evaluate")
@click.argument("trace", type=click.Path(path_type=Path))
@click.option(
    "--scoring", type=click.Choice([each.value for each in Scoring]), default=Scoring.ALLEYES.value, show_default=True
)
@click.option("--model", type=_FILE, help="Start with these models (models.bin of a gateway) instead of none.")
@click.option("--policy", type=_FILE, help="policy.yaml with the thresholds; the shipped ones if left out.")
@click.option("--count-from", type=_SECONDS, default=0.0, help="Count rows from this second of the trace on.")
@click.option("--count-to", type=_SECONDS, help="Judge and count rows before this second of the trace only.")
@click.option(
    "--count-where",
    metavar="COLUMN=VALUE",
    callback=_where,
    multiple=True,
    help="Count rows with this value only; may be repeated, then all must hold.",
)
@click.option(
    "--sites",
    metavar="RANGES",
    callback=_sites,
    help="Agents of each site, e.g. 1-6,10-11; one site if left out.",
)
@click.option(
    "--federation",
    type=click.Choice([each.value for each in Federation]),
    default=Federation.LIVE.value,
    show_default=True,
)
@click.option("--report", type=click.Path(path_type=Path, file_okay=False), help="Write an HTML page and PNGs here.")
@click.option("--report-service", metavar="ADDRESS", help="Whose flows the page shows; those of the one with most.")
@click.option("--save-model", type=_FILE, help="Write what was learnt here, for --model or as models.bin of a gateway.")
@click.option("-o", "--output", type=click.Choice(["human", "json"]), default="human", help="Form of output.")
def command(  # noqa: PLR0913 -- one argument for each option
    *,
    trace: Path,
    scoring: str,
    model: Path | None,
    policy: Path | None,
    count_from: float,
    count_to: float | None,
    count_where: list[tuple[str, str]],
    sites: SiteMap,
    federation: str,
    report: Path | None,
    report_service: str | None,
    save_model: Path | None,
    output: str,
) -> None:
    """Judge the labelled TRACE row by row, as in enforce mode, learning as a gateway would, and print how well it went.

    TRACE is a CSV file in the form of the paper's public data set, plain or gzipped: docs/evaluation.md.
    """
    if count_to is not None and count_to <= count_from:
        raise click.UsageError(f"--count-to {count_to:g} is not after --count-from {count_from:g}: no row would count")
    _check_report(report, report_service)
    _check_save(save_model, Scoring(scoring), Federation(federation))
    selection = Selection(start=count_from, end=math.inf if count_to is None else count_to, where=count_where)
    document = _policy(policy)
    state = None if model is None else _state(model)
    try:
        subject = subject_for(
            Scoring(scoring), policy=document, sites=sites, federation=Federation(federation), state=state
        )
    except ValueError as error:
        refuse([f"--model {model}: {error}"])
    try:
        source = Trace(trace)
        result = evaluate(source, subject, selection)
    except TraceError as error:
        refuse([str(error)])
    _tell_bad_rows(trace, result)
    told: dict[str, object] = {"trace": str(trace), "scoring": scoring, "warm": state is not None}
    if scoring == Scoring.ALLEYES:
        told["federation"] = federation
    warnings = list(_warnings(Scoring(scoring), result))
    if output == "json":
        for each in warnings:  # the figures go to a program
            click.echo(f"alleyes: {trace}: warning: {each}", err=True)
        click.echo(msgspec.json.format(msgspec.json.encode(told | {"warnings": warnings} | result.as_json()), indent=2))
    else:
        click.echo("\n".join(_lines(result, told, warnings)))
    setting = Setting(trace, document, sites, Federation(federation), state, selection)
    complete = not _tell_too_bad(trace, result)
    if save_model is not None and isinstance(subject, FederatedSubject):
        complete &= _save(subject, save_model)
    if report is not None:
        complete &= _report(report, setting, kept(Task(Scoring(scoring)), result, subject), report_service)
    if not complete:
        raise SystemExit(_INCOMPLETE)


def _policy(path: Path | None) -> PolicyDocument:
    if path is None:
        return PolicyDocument()
    try:
        return load_policy(path).document
    except DocumentError as error:
        refuse(str(problem) for problem in error.problems)


def _state(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        refuse([f"--model {path}: {error.strerror or error}; give models.bin of a gateway's state directory"])


def _check_save(path: Path | None, scoring: Scoring, federation: Federation) -> None:
    """Say before the work what would only be found after it."""
    if path is None:
        return
    if scoring is not Scoring.ALLEYES:
        refuse(["--save-model: only what the scoring alleyes learnt can be saved; leave --scoring out"])
    if federation is Federation.ISOLATED:
        refuse(["--save-model: isolated sites have no models in common to be saved; use --federation live or shared"])
    if not path.parent.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        refuse([f"--save-model {path}: cannot be written; give a file in a directory that exists"])


def _save(subject: FederatedSubject, path: Path) -> bool:
    """Save what was learnt; return whether that was possible, and tell why not."""
    try:
        path.write_bytes(subject.dump())
    except OSError as error:
        click.echo(
            f"alleyes: --save-model {path}: {error.strerror or error}; give a file that can be written", err=True
        )
        return False
    return True


def _check_report(report: Path | None, service: str | None) -> None:
    """Say before the work what would only be found after it."""
    if report is None and service is not None:
        raise click.UsageError("--report-service says what a report shows: give --report, too")
    if report is None:
        return
    check_report(report)


def _report(directory: Path, setting: Setting, done: Run, service: str | None) -> bool:
    """Write the report; return whether that was possible, and tell why not."""

    def tell(text: str) -> None:
        click.echo(f"alleyes: report: {text}", err=True)

    try:
        page = write_report(directory, setting, [done], tell, service=service)
    except OSError as error:
        click.echo(f"alleyes: --report {directory}: {error.strerror or error}; look at rights and space", err=True)
        return False
    except TraceError as error:
        click.echo(f"alleyes: {error}", err=True)
        return False
    tell(f"written to {page}")
    return True


def _warnings(scoring: Scoring, result: Evaluation) -> Iterator[str]:
    """Yield what makes figures mean less than they seem to."""
    judged, untyped, late = result.judged, result.untyped, result.late
    if untyped > _WORTH_A_WARNING * judged and scoring is not Scoring.PAPER:
        yield (
            f"{untyped} of {judged} rows name no source type: the scoring {scoring} has a model for each type, and can"
            " refuse none of them; fill in sourceType, or see what --scoring paper makes of them"
        )
    if late > _WORTH_A_WARNING * judged:
        yield (
            f"{late} of {judged} rows come more than a minute after a later one: rates, periods and minutes of learning"
            " mean little; sort the trace by its time stamps, if it is of one clock"
        )


def _tell_bad_rows(trace: Path, result: Evaluation) -> None:
    for line, reason in result.bad_rows:
        click.echo(f"alleyes: {trace}:{line}: {printable(reason, _LONGEST)}; skipped", err=True)
    if unnamed := result.bad - len(result.bad_rows):
        click.echo(f"alleyes: {trace}: {unnamed} more rows skipped", err=True)


def _tell_too_bad(trace: Path, result: Evaluation) -> bool:
    if result.too_bad:
        click.echo(
            f"alleyes: {trace}: {result.bad} of {result.bad + result.good} rows cannot be read, more than"
            f" {TOLERATED:.0%}: these are not the figures of this trace; mend the rows that were named",
            err=True,
        )
    return result.too_bad


def _lines(result: Evaluation, told: Mapping[str, object], warnings: Sequence[str]) -> Iterator[str]:
    """Yield the figures as a person likes to read them."""
    figures, simple = result.figures, result.whitelist
    start = "warm start" if told["warm"] else "cold start"
    federation = f", {told['federation']}" if "federation" in told else ""
    yield f"{told['trace']}: scoring {told['scoring']}{federation}, {start}"
    for each in warnings:
        yield f"WARNING: {each}"
    yield f"{figures.rows} rows count: {figures.normal} normal, {figures.anomalous} anomalous"
    yield ""
    yield f"{'':<22}{told['scoring']!s:>12}{'whitelist of the first 10 min':>32}"
    for name, ours, theirs in (
        ("detection rate", figures.detection_rate, simple.detection_rate),
        ("false positive rate", figures.false_positive_rate, simple.false_positive_rate),
        ("accuracy", figures.accuracy, simple.accuracy),
    ):
        yield f"{name:<22}{_percent(ours):>12}{_percent(theirs):>32}"
    yield f"{'area under ROC curve':<22}{_number(figures.roc_auc):>12}{_number(simple.roc_auc):>32}"
    for name, count, other in (
        ("false positives", figures.false_positives, simple.false_positives),
        ("false negatives", figures.false_negatives, simple.false_negatives),
    ):
        yield f"{name:<22}{count:>12}{other:>32}"
    yield from _table(figures)
    yield ""
    speed = f"{result.judged / result.seconds:,.0f} accesses/s" if result.seconds > 0 else "no time at all"
    yield f"{result.judged} rows judged and learnt in {result.seconds:.2f} s: {speed}"
    if result.bad:
        yield f"{result.bad} rows were skipped"


def _table(figures: Figures) -> Iterator[str]:
    if not figures.classes:
        return
    width = max(22, *(len(printable(name)) + 2 for name in figures.classes))
    yield ""
    yield (
        f"{'class':<{width}}{'rows':>8}{'detected':>10}{'rate':>10}{'first after':>13}"
        f"{'episodes':>10}{'noticed':>9}{'complete':>10}"
    )
    for name, each in figures.classes.items():
        first = "never" if each.first_detected_after is None else str(each.first_detected_after)
        yield (
            f"{printable(name):<{width}}{each.rows:>8}{each.detected:>10}{_percent(each.detection_rate):>10}{first:>13}"
            f"{each.episodes.total:>10}{each.episodes.noticed:>9}{each.episodes.complete:>10}"
        )
    whole = figures.episodes
    yield (
        f"{'all':<{width}}{figures.anomalous:>8}{figures.true_positives:>10}{_percent(figures.detection_rate):>10}"
        f"{'':>13}{whole.total:>10}{whole.noticed:>9}{whole.complete:>10}"
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.3%}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.5f}"
