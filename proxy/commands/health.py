"""`alleyes health`: does the gateway serve?"""

from __future__ import annotations

from pathlib import Path

import click

from proxy.clocks import real_now
from proxy.commands.options import config_option, configuration
from proxy.health import HealthFile, NotServing


@click.command("health")
@config_option
def command(config: Path) -> None:
    """Exit 0 if the gateway on this machine serves and records, 1 if not."""
    try:
        status = HealthFile(configuration(config).state_directory).read(real_now())
    except NotServing as problem:
        click.echo(f"alleyes: {problem}", err=True)
        raise SystemExit(1) from None
    if status.audit_error is not None:
        click.echo(f"alleyes: the audit log cannot be written: {status.audit_error}; make room on its disk", err=True)
        raise SystemExit(1)
    click.echo("alleyes: serving")
