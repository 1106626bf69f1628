"""`alleyes check`: would the gateway start?"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from policy.document import Scoring
from proxy import stored_state
from proxy.clocks import real_now
from proxy.commands.options import config_option, configuration, refuse
from proxy.configuration import AccessPoint, GatewayDocument, MappingDecoder, ThingsDecoder
from proxy.health import HealthFile, NotServing
from proxy.inputs import StartRefused, machine_problems, read_inputs


@click.command("check")
@click.option("--files-only", is_flag=True, help="Check the files, not this machine and its stored state.")
@config_option
def command(config: Path, files_only: bool) -> None:  # noqa: FBT001 -- click passes flags by name
    """Check configuration, certificates, this machine and its stored state; change nothing."""
    document = configuration(config)
    problems: list[str] = []
    scoring = Scoring.ALLEYES
    try:
        inputs = read_inputs(document, last_good=not files_only)
        scoring = inputs.policy.document.scoring
    except StartRefused as refused:
        problems += refused.problems
    if not files_only:
        # A gateway that serves has its ports: they are no other process's.
        problems += machine_problems(document, ports=not _serves(document))
        state = stored_state.look(document.state_directory, scoring)
        problems += state.problems
        for warning in state.warnings:
            click.echo(f"alleyes: {warning}", err=True)
    if problems:
        refuse(problems)
    for warning in inputs.revocations.warnings(datetime.fromtimestamp(real_now(), UTC)):
        click.echo(f"alleyes: {warning}", err=True)
    if inputs.policy.instead_of:
        for problem in inputs.policy.instead_of:
            click.echo(f"alleyes: {problem}", err=True)
        told = (
            f"the gateway would start, with the last good policy, {inputs.policy.revision}, in place of the broken one"
        )
        click.echo(f"alleyes: {told}", err=True)
        return
    points = ", ".join(map(_told, inputs.document.access_points))
    click.echo(f"alleyes: {config} is fine: {points}; policy {inputs.policy.revision}, {inputs.policy.document.mode}")


def _told(point: AccessPoint) -> str:
    """Return an access point with what it is understood by, where that is no Knowledge Agent."""
    match point.decoder:
        case MappingDecoder(mapping=file):
            return f"{point.agent} ({file.name})"
        case ThingsDecoder(things=things):
            return f"{point.agent} ({len(things)} Thing Descriptions)"
    return point.agent


def _serves(document: GatewayDocument) -> bool:
    try:
        HealthFile(document.state_directory).read(real_now())
    except NotServing:
        return False
    return True
