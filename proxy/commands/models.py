"""`alleyes models`: what the gateway has learnt."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NoReturn

import click
import msgspec

from models.analyzer import Analyzer
from models.descriptor import MINUTE
from models.federated import Federated
from models.paper.analyzer import PaperAnalyzer
from models.paper.codec import MAGIC as PAPER
from models.paper.table import tabulate as tabulate_paper
from models.table import tabulate
from models.tabulation import ToldEntry, TypeTable, render
from policy.loading import DocumentError
from policy.printable import printable
from proxy.commands.options import DEFAULT_CONFIG, configuration, refuse
from proxy.policy_file import load_policy
from proxy.storage.model_store import CURRENT, AnyAnalyzer, ModelStore, ModelStoreError, file_name

_NOT_FOUND = 1


@click.group("models")
def models() -> None:
    """Show what has been learnt."""


@models.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"The gateway's configuration, whose state directory is read; {DEFAULT_CONFIG} if nothing is given.",
)
@click.option("--type", "service_types", metavar="TYPE", multiple=True, help="Only this service type; may be repeated.")
@click.option("-o", "--output", type=click.Choice(["human", "json"]), default="human", help="Form of output.")
def show(*, file: Path | None, config: Path | None, service_types: tuple[str, ...], output: str) -> None:
    """Print the communication model of each service type, as Table II of the paper does.

    FILE is what a gateway stored (models.bin, models.paper.bin) or `alleyes evaluate --save-model` wrote. Without it,
    the models of the configured gateway are read, as of their last storing; the gateway may be running.
    """
    if file is not None and config is not None:
        raise click.UsageError("give FILE or --config, not both")
    if file is not None:
        place, analyzer = file, _read(file)
    else:
        place, analyzer = _stored(config or DEFAULT_CONFIG)
    tables = list(_tables(analyzer))
    if service_types:
        tables = _chosen(tables, service_types, place)
    if output == "json":
        click.echo(
            msgspec.json.format(
                msgspec.json.encode({"file": str(place), "newest": analyzer.newest or None, "models": tables}), indent=2
            ).decode()
        )
    elif tables:
        width = shutil.get_terminal_size().columns
        click.echo("\n\n".join(render(each, width) for each in tables))
    else:
        click.echo(f"{place}: no models yet")


def _read(file: Path) -> AnyAnalyzer:
    try:
        data = file.read_bytes()
    except OSError as error:
        refuse([f"{file}: {error.strerror or error}; give models.bin of a gateway's state directory"])
    try:
        return PaperAnalyzer.load(data) if data.startswith(PAPER) else Analyzer.load(data)
    except ValueError as error:
        refuse([f"{file}: {error}; give another generation, such as models.previous.bin"])


def _stored(config: Path) -> tuple[Path, AnyAnalyzer]:
    gateway = configuration(config)
    try:
        scoring = load_policy(gateway.policy).document.scoring
    except DocumentError as error:
        refuse(str(problem) for problem in error.problems)
    place = gateway.state_directory / file_name(CURRENT, scoring)
    try:
        loaded = ModelStore(gateway.state_directory, scoring).load()
    except ModelStoreError as error:
        refuse([str(error)])
    if loaded.warning is not None:
        click.echo(f"alleyes: {loaded.warning}", err=True)
    if loaded.analyzer is None:
        _missing(f"{place} does not exist: the gateway has stored no models yet, or as another user")
    return place, loaded.analyzer


def _tables(analyzer: AnyAnalyzer) -> Iterator[TypeTable]:
    """Yield the tables, by service type, as of the newest event that was seen."""
    now = analyzer.newest // MINUTE
    if isinstance(analyzer, Analyzer):
        for _, known in sorted(analyzer.knowledge.types.items()):
            yield msgspec.structs.replace(tabulate(known.model, now), told=_told(known))
    else:
        yield from (tabulate_paper(model, now) for _, model in sorted(analyzer.models().items()))


def _told(known: Federated) -> ToldEntry | None:
    others = known.others
    if others is None:
        return None
    site, elsewhere = (0 if each is None else each.model.weight for each in (others.site, others.elsewhere))
    return ToldEntry(site=site, elsewhere=elsewhere, sites=known.elsewhere)


def _chosen(tables: Iterable[TypeTable], service_types: Iterable[str], place: Path) -> list[TypeTable]:
    by_type = {each.service_type: each for each in tables}
    unknown = [name for name in service_types if name not in by_type]
    if unknown:
        known = ", ".join(printable(name) for name in by_type) or "none"
        _missing(f"{place} has no model of {', '.join(map(printable, unknown))}; there are: {known}")
    return [by_type[name] for name in service_types]


def _missing(problem: str) -> NoReturn:
    click.echo(f"alleyes: {problem}", err=True)
    raise SystemExit(_NOT_FOUND)
