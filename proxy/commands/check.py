"""`alleyes check`: would the gateway start?"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from policy.document import Scoring
from proxy import stored_state
from proxy.clocks import real_now
from proxy.commands.options import config_option, configuration, refuse
from proxy.configuration import GatewayDocument
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
        inputs = read_inputs(document)
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
    points = ", ".join(point.agent for point in inputs.document.access_points)
    click.echo(f"alleyes: {config} is fine: {points}; policy {inputs.policy.revision}, {inputs.policy.document.mode}")


def _serves(document: GatewayDocument) -> bool:
    try:
        HealthFile(document.state_directory).read(real_now())
    except NotServing:
        return False
    return True
