"""`alleyes run`: the gateway."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from proxy import logs
from proxy.commands.options import config_option, configuration, refuse
from proxy.configuration import GatewayDocument
from proxy.inputs import StartRefused, prepare
from proxy.supervisor.supervisor import StartOfTime, Supervisor, wall_time

WORKER = (sys.executable, "-P", "-m", "proxy.worker")
"""Without the working directory among the places where Python looks for modules."""


def serve(document: GatewayDocument, command: Sequence[str] = WORKER, start: StartOfTime = wall_time) -> None:
    """Run the gateway until it is told to end; end with exit code 2 and one line a problem if it cannot start.

    Args:
        document: `gateway.yaml`.
        command: Program and arguments of a worker.
        start: When event time begins.
    """
    logs.configure()
    try:
        asyncio.run(Supervisor(prepare(document), command, start=start).run())
    except StartRefused as refused:
        refuse(refused.problems)


@click.command("run")
@config_option
def command(config: Path) -> None:
    """Run the gateway in the foreground, until SIGTERM."""
    serve(configuration(config))
