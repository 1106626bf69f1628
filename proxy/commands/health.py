"""`alleyes health`: does the gateway serve?"""

from __future__ import annotations

from pathlib import Path

import click

from proxy.clocks import real_now
from proxy.commands.options import config_option, configuration
from proxy.health import HealthFile


@click.command("health")
@config_option
def command(config: Path) -> None:
    """Exit 0 if the gateway on this machine serves, 1 if not."""
    problem = HealthFile(configuration(config).state_directory).problem(real_now())
    if problem is not None:
        click.echo(f"alleyes: {problem}", err=True)
        raise SystemExit(1)
    click.echo("alleyes: serving")
