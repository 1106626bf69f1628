"""Puts a question to the running gateway, and ends the command where there is no good answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from proxy.commands.options import refuse
from proxy.configuration import state_directory_of
from proxy.control.client import ControlClient, NotReached
from proxy.control.refusal import NotDone

_NOT_REACHED = 1


def ask[Answer](config: Path, question: Callable[[ControlClient], Answer]) -> Answer:
    """Return the answer of the gateway of a `gateway.yaml`; exit code 1 where none runs, 2 where it does not do it."""
    try:
        return question(ControlClient(state_directory_of(config)))
    except NotReached as problem:
        click.echo(f"alleyes: {problem}", err=True)
        raise SystemExit(_NOT_REACHED) from None
    except NotDone as refused:
        refuse([*refused.problems, f"{refused.error} -- {refused.remedy}"])
