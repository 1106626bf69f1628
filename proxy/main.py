"""The `alleyes` command."""

from __future__ import annotations

import click

from proxy.commands import (
    audit,
    check,
    evaluate,
    explain,
    guard,
    health,
    inventory,
    models,
    policy,
    quarantine,
    run,
    simulate,
    status,
    uninstall,
)


@click.group()
@click.version_option(package_name="alleyes")
def main() -> None:
    """The firewall that retrofits learned access control to legacy IoT installations."""


for command in (
    run.command,
    guard.command,
    check.command,
    health.command,
    status.command,
    audit.audit,
    inventory.inventory,
    quarantine.quarantine,
    explain.command,
    uninstall.command,
    evaluate.command,
    models.models,
    policy.policy,
    simulate.simulate,
):
    main.add_command(command)
