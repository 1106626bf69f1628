"""The `alleyes` command."""

from __future__ import annotations

import click

from proxy.commands import (
    audit,
    check,
    evaluate,
    explain,
    federate,
    federation,
    federation_service,
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
    federate.command,
    federation.federation,
):
    main.add_command(command)
for command in (federation_service.invite, federation_service.origins, federation_service.revoke):
    federation.federation.add_command(command)
