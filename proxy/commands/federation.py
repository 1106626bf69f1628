"""`alleyes federation`: who takes part in a federation."""

from __future__ import annotations

import click


@click.group("federation")
def federation() -> None:
    """Take part in a federation, or say who may."""
