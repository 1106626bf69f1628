"""`alleyes models export`: what was learnt, for others' tools."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from models.analyzer import Analyzer
from policy import precedence
from policy.document import PolicyDocument
from policy.inferred import is_inferred
from policy.loading import DocumentError
from policy.printable import printable
from proxy.clocks import real_now
from proxy.commands.options import DEFAULT_CONFIG, configuration, refuse
from proxy.commands.stored_models import missing, read, stored
from proxy.mud.address import MudUrlError, base_url, file_name
from proxy.mud.description import describe
from proxy.mud.usage import Usage, usages
from proxy.policy_file import load_policy
from proxy.registry import ROOT_TYPE


def _base(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    try:
        return base_url(value)
    except MudUrlError as error:
        raise click.BadParameter(str(error)) from None


@click.command("export")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--format", "form", type=click.Choice(["mud"]), required=True, help="mud: RFC 8520, a file for each type."
)
@click.option("--url", "base", required=True, callback=_base, help="https URL below which the MUD files will lie.")
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"The gateway's configuration: ports, thresholds, and models if no FILE is given; {DEFAULT_CONFIG} then.",
)
@click.option("--type", "service_types", metavar="TYPE", multiple=True, help="Only this service type; may be repeated.")
@click.option("-o", "--output", type=click.Path(path_type=Path, file_okay=False), help="Directory for the files.")
def export(
    *, file: Path | None, form: str, base: str, config: Path | None, service_types: tuple[str, ...], output: Path | None
) -> None:
    """Write a Manufacturer Usage Description of each service type: with whom it communicates, and what it does there.

    FILE is what a gateway stored (models.bin) or `alleyes evaluate --save-model` wrote; without it, the models of the
    configured gateway are read. One description goes to the output, several to a directory. Types that were inferred
    are left out, unless --type names them.
    """
    del form  # there is only one
    if file is None and config is None:
        config = DEFAULT_CONFIG
    place, analyzer = (file, read(file)) if file is not None else stored(config or DEFAULT_CONFIG)
    if not isinstance(analyzer, Analyzer):
        refuse([f"{place}: models of the scoring paper have no types of partners to tell; give models.bin"])
    policy, ports = _circumstances(config)
    knowledge = analyzer.knowledge
    knowledge.read()

    def block(service_type: str, partner: str) -> float:
        return precedence.threshold(policy, service_type, partner, "block").value or 0.0

    found = usages(knowledge.types, knowledge.form, block)
    unknown = [name for name in service_types if name not in found]
    if unknown or not found:
        known = ", ".join(printable(name) for name in found) or "none"
        missing(f"{place} has no model of {', '.join(map(printable, unknown)) or 'any type'}; there are: {known}")
    # What somebody guessed is no word about a device to others, unless it is asked for by its name.
    inferred = [name for name in found if is_inferred(name)]
    confirmed = [name for name in found if name not in inferred]
    if inferred and not service_types:
        told = ", ".join(map(printable, inferred))
        click.echo(f"alleyes: left out, as nobody confirmed them: {told}; --type exports one all the same", err=True)
        if not confirmed:
            missing(f"{place} has no model of a type that somebody confirmed")
    guessed = set(inferred) - set(service_types)
    chosen = [found[name].without(guessed) for name in service_types or confirmed]
    for warning in _warnings(chosen):
        click.echo(f"alleyes: warning: {warning}", err=True)
    described = {
        usage.service_type: msgspec.json.format(
            msgspec.json.encode(describe(usage, base=base, ports=ports, root_type=ROOT_TYPE, now=real_now())), indent=2
        )
        for usage in chosen
    }
    _write(described, output)


def _circumstances(config: Path | None) -> tuple[PolicyDocument, list[int]]:
    """Return the policy, and the ports of the access points; none where there is no configuration."""
    if config is None:
        return PolicyDocument(), []
    document = configuration(config)
    try:
        policy = load_policy(document.policy).document
    except DocumentError as error:
        refuse(str(problem) for problem in error.problems)
    return policy, sorted({point.port for point in document.access_points})


def _warnings(chosen: list[Usage]) -> Iterator[str]:
    for usage in chosen:
        name = printable(usage.service_type)
        if not usage.settled:
            yield f"the model of {name} has seen little: what it does seldom may be missing, and what is wrong be there"
        if is_inferred(usage.service_type):
            yield f"{name} was inferred: nobody confirmed that all who were taken for it are of one kind"
        if usage.left_out:
            yield f"{usage.left_out} relationships of {name} are left out: seen too seldom to be usual"


def _write(described: dict[str, bytes], output: Path | None) -> None:
    if output is None:
        if len(described) > 1:
            refuse([f"{len(described)} types: give --output DIRECTORY, or choose one with --type"])
        click.echo(next(iter(described.values())))
        return
    try:
        output.mkdir(parents=True, exist_ok=True)
        for service_type, text in described.items():
            (output / file_name(service_type)).write_bytes(text + b"\n")
    except OSError as error:
        refuse([f"--output {output}: {error.strerror or error}; give a directory that can be written to"])
    click.echo(f"alleyes: {len(described)} descriptions are in {output}", err=True)
