"""`alleyes federation`: who takes part in a federation."""

from __future__ import annotations

import click

from proxy.commands import federation_service


@click.group("federation")
def federation() -> None:
    """Take part in a federation, or say who may."""


for command in (federation_service.invite, federation_service.origins, federation_service.revoke):
    federation.add_command(command)
