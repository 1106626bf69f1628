"""`alleyes models`: what the gateway has learnt."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import msgspec

from models.analyzer import Analyzer
from models.descriptor import MINUTE
from models.federated import Federated
from models.paper.table import tabulate as tabulate_paper
from models.table import tabulate
from models.tabulation import ToldEntry, TypeTable, render
from policy.printable import printable
from proxy.commands.models_export import export
from proxy.commands.options import DEFAULT_CONFIG
from proxy.commands.stored_models import missing, read, stored
from proxy.storage.model_store import AnyAnalyzer


@click.group("models")
def models() -> None:
    """Show what has been learnt, and write it for others."""


models.add_command(export)


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
        place, analyzer = file, read(file)
    else:
        place, analyzer = stored(config or DEFAULT_CONFIG)
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
        missing(f"{place} has no model of {', '.join(map(printable, unknown))}; there are: {known}")
    return [by_type[name] for name in service_types]
