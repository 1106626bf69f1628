"""The `alleyes` command."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

import click

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "audit": "audit.audit",
        "check": "check.command",
        "decoder": "decoder.decoder",
        "evaluate": "evaluate.command",
        "explain": "explain.command",
        "federate": "federate.command",
        "federation": "federation.federation",
        "guard": "guard.command",
        "health": "health.command",
        "inventory": "inventory.inventory",
        "models": "models.models",
        "policy": "policy.policy",
        "quarantine": "quarantine.quarantine",
        "run": "run.command",
        "simulate": "simulate.simulate",
        "status": "status.command",
        "uninstall": "uninstall.command",
    }
)
"""Where in `proxy.commands` each command is."""


class _Commands(click.Group):
    """Loads a command when it is asked for: who asks for the status does not wait for the parts of the gateway."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted({*super().list_commands(ctx), *COMMANDS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; None if there is none of this name."""
        if cmd_name in COMMANDS and cmd_name not in self.commands:
            module, _, name = COMMANDS[cmd_name].partition(".")
            command: click.Command = getattr(import_module(f"proxy.commands.{module}"), name)
            self.add_command(command, cmd_name)
        return super().get_command(ctx, cmd_name)


@click.group(cls=_Commands)
@click.version_option(package_name="alleyes")
def main() -> None:
    """The firewall that retrofits learned access control to legacy IoT installations."""
