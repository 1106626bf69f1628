"""`alleyes simulate`: traces of simulated sites, to try a policy on and to measure with; and federations of sites."""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click
import msgspec
import yaml

from models.simulation.catalogue import CATALOGUE, GROUPS, AttackPlan, expand, parse_attacks
from models.simulation.rows import write_rows
from models.simulation.scenario import MOST_HOURS, MOST_SITES, MOST_TIMERS, Scenario, Simulation
from proxy.commands.numbers import Finite
from proxy.commands.options import refuse
from proxy.commands.reporting import check_report
from proxy.evaluation.federated.report import in_words, write_report
from proxy.evaluation.federated.simulation import Extent, Part
from proxy.evaluation.federated.simulation import simulate as simulate_parts

STDOUT = Path("-")
_YAML = (".yaml", ".yml")


@click.group("simulate")
def simulate() -> None:
    """Simulate traffic."""


def _attacks(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[AttackPlan, ...]:
    try:
        return _read(Path(value)) if value.endswith(_YAML) else parse_attacks(value)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise click.BadParameter(str(error)) from None


def _read(path: Path) -> tuple[AttackPlan, ...]:
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    return expand(msgspec.convert(found, tuple[AttackPlan | str, ...]))


def _hours(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[float, float] | None:
    if value is None:
        return None
    begin, _, end = value.partition("-")
    try:
        return float(begin), float(end)
    except ValueError:
        raise click.BadParameter(f"{value!r} is not two hours of the day; write e.g. 1-5 or 22-6") from None


@simulate.command("site")
@click.option("--sites", type=click.IntRange(1, MOST_SITES), default=4, show_default=True, help="How many sites.")
@click.option("--hours", type=Finite(0, MOST_HOURS, min_open=True), default=24.0, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same bytes.")
@click.option(
    "--attacks",
    metavar="NAMES|FILE",
    callback=_attacks,
    default="none",
    show_default=True,
    help="Names or groups, e.g. paper,slowDoS:4 with a strength, or a YAML file; see --list-attacks.",
)
@click.option("--update-at", type=Finite(min=0), help="Second from which light controllers are updated.")
@click.option("--brownfield", is_flag=True, help="Start mid-life: nobody registers, all loops run.")
@click.option("--silent", metavar="START-END", callback=_hours, help="Hours of the day without any traffic, e.g. 1-5.")
@click.option("--day-night", is_flag=True, help="Less happens from 22 to 6 o'clock.")
@click.option(
    "--timers",
    type=click.IntRange(0, MOST_TIMERS),
    default=0,
    help="Independent timers by which each light controller looks, instead of one loop; an update changes one of them.",
)
@click.option("--disorder", type=Finite(0, 1), default=0.0, help="Share of rows out of order or with another's time.")
@click.option("--list-attacks", is_flag=True, is_eager=True, help="Name all attacks with their strengths, and exit.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), default=STDOUT, help="- is stdout.")
def site(  # noqa: PLR0913 -- click passes each option by its name
    *,
    sites: int,
    hours: float,
    seed: int,
    attacks: tuple[AttackPlan, ...],
    update_at: float | None,
    brownfield: bool,
    silent: tuple[float, float] | None,
    day_night: bool,
    timers: int,
    disorder: float,
    list_attacks: bool,
    output: Path,
) -> None:
    """Write a labelled trace of several sites, in the form of the paper's public data set.

    It starts at midnight. A name that ends in .gz is compressed. What to give `alleyes evaluate --sites` is told on
    standard error.
    """
    if list_attacks:
        _list()
        return
    try:
        scenario = Scenario(
            sites=sites,
            hours=hours,
            seed=seed,
            attacks=attacks,
            update_at=update_at,
            brownfield=brownfield,
            silent=silent,
            day_night=day_night,
            timers=timers,
            disorder=disorder,
        )
        simulation = Simulation(scenario)
        with _opened(output) as text:
            rows = write_rows(simulation.rows(), text)
    except BrokenPipeError:
        raise  # whoever read standard output has had enough
    except OSError as error:
        refuse([f"--output {output}: {error.strerror or error}; give a file that can be written"])
    except ValueError as error:
        refuse([str(error)])
    saved = "TRACE" if output == STDOUT else output
    click.echo(f"alleyes: {rows} rows; alleyes evaluate {saved} --sites {simulation.sites}", err=True)


def _list() -> None:
    for name, members in GROUPS.items():
        click.echo(f"{name:<20} {', '.join(members) or 'no attack'}")
    for name, kind in CATALOGUE.items():
        click.echo(
            f"{name:<20} strength {kind.strength:g}, {kind.between[0]:g} to {kind.between[1]:g}:"
            f" {kind.unit}; {kind.episodes} episodes"
        )


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    if path == STDOUT:
        yield sys.stdout
    elif path.suffix == ".gz":
        # Neither name nor time in the head of the file: the same arguments give the same bytes.
        with (
            path.open("wb") as file,
            gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed,
            io.TextIOWrapper(packed, encoding="utf-8", newline="") as text,
        ):
            yield text
    else:
        with path.open("w", encoding="utf-8", newline="") as text:
            yield text


def _parts(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> tuple[Part, ...]:
    return tuple(Part(value) for value in values) or tuple(Part)


@simulate.command("federation")
@click.option(
    "--part",
    "parts",
    type=click.Choice([each.value for each in Part]),
    multiple=True,
    callback=_parts,
    help="Simulate this part; may be repeated. All of them if left out.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same figures.")
@click.option("--quick", is_flag=True, help="Fewer sites, hours and seeds: a quarter of the time.")
@click.option("--report", type=click.Path(path_type=Path, file_okay=False), help="Write an HTML page and PNGs here.")
@click.option("-o", "--output", type=click.Choice(["human", "json"]), default="human", help="Form of output.")
def federation(*, parts: tuple[Part, ...], seed: int, quick: bool, report: Path | None, output: str) -> None:
    """Simulate sites that learn from each other: how soon a new one is protected, whether a subverted one heals.

    Further parts: how many subverted sites make an attack normal, what link failures leave behind, how updates get in,
    and what is sent for it. Everything is real but the sockets, and time is that of events. See docs/federation.md.
    """
    if report is not None:
        check_report(report)

    def tell(text: str) -> None:
        click.echo(f"alleyes: simulate: {text}", err=True)

    results = simulate_parts(parts, seed, Extent.QUICK if quick else Extent.FULL, tell)
    if output == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(results), indent=2))
    else:
        click.echo("\n".join(in_words(results)))
    if report is not None:
        try:
            page = write_report(report, results)
        except OSError as error:
            click.echo(f"alleyes: --report {report}: {error.strerror or error}; look at rights and space", err=True)
            raise SystemExit(1) from None
        tell(f"written to {page}")
