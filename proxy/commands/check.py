"""`alleyes check`: would the gateway start?"""

from __future__ import annotations

from pathlib import Path

import click

from proxy.commands.options import config_option, configuration, refuse
from proxy.service import StartRefused, read_inputs, start_problems


@click.command("check")
@click.option("--files-only", is_flag=True, help="Check the files, not this machine.")
@config_option
def command(config: Path, files_only: bool) -> None:  # noqa: FBT001 -- click passes flags by name
    """Check configuration, certificates and this machine; change nothing."""
    try:
        inputs = read_inputs(configuration(config))
    except StartRefused as refused:
        refuse(refused.problems)
    if not files_only and (problems := start_problems(inputs)):
        refuse(problems)
    points = ", ".join(point.agent for point in inputs.document.access_points)
    click.echo(f"alleyes: {config} is fine: {points}; policy {inputs.policy.revision}, {inputs.policy.document.mode}")
