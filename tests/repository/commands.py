"""Check that a command line written down somewhere is one that `alleyes` understands."""

from __future__ import annotations

from collections.abc import Sequence

import click

from proxy.main import main


def problem_of(arguments: Sequence[str]) -> str | None:
    """Say what `alleyes` would not understand about these arguments; `None` if it would understand them."""
    command: click.Command = main
    rest = list(arguments)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(click.Context(command), rest[0])
        if found is None:
            return f"alleyes has no command {rest[0]!r}"
        command = found
        rest.pop(0)
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    known.add("--help")
    unknown = [word for word in rest if word.startswith("-") and word.split("=")[0] not in known]
    return f"alleyes {command.name} has no option {', '.join(unknown)}" if unknown else None
