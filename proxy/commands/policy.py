"""`alleyes policy`: the policy of the running gateway."""

from __future__ import annotations

from pathlib import Path

import click

from proxy.commands.asking import ask
from proxy.commands.options import config_option


@click.group()
def policy() -> None:
    """Work with the policy."""


@policy.command("reload")
@config_option
def reload_(config: Path) -> None:
    """Have the running gateway read its policy again; a broken file changes nothing, and says why."""
    state = ask(config, lambda gateway: gateway.reload_policy())
    click.echo(f"alleyes: policy {state.revision} is in force, {state.mode} mode")
