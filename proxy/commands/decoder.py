"""`alleyes decoder`: mappings of other middleware than the VSL, tried out and drafted."""

from __future__ import annotations

import click

from proxy.commands.decoder_test import test
from proxy.commands.drafting import import_group, learn_command


@click.group("decoder")
def decoder() -> None:
    """Try out and draft the mapping of a middleware's requests (docs/mappings.md)."""


decoder.add_command(test)
decoder.add_command(import_group)
decoder.add_command(learn_command)
