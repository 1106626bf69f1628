"""`alleyes run`: the gateway."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from proxy import logs
from proxy.commands.options import config_option, configuration, refuse
from proxy.configuration import GatewayDocument
from proxy.service import ClockFactory, Service, StartRefused, prepare, wall_clock


def serve(document: GatewayDocument, clock: ClockFactory = wall_clock) -> None:
    """Run the gateway until it is told to end; end with exit code 2 and one line a problem if it cannot start."""
    logs.configure()
    try:
        service = Service(prepare(document), clock=clock)
        asyncio.run(service.run())
    except StartRefused as refused:
        refuse(refused.problems)


@click.command("run")
@config_option
def command(config: Path) -> None:
    """Run the gateway in the foreground, until SIGTERM."""
    serve(configuration(config))
