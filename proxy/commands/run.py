"""`alleyes run`: the gateway."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from proxy import logs, privileges
from proxy.commands.options import config_option, configuration, refuse
from proxy.configuration import GatewayDocument
from proxy.firewall.helper import FirewallHelper
from proxy.firewall.launcher import Launcher
from proxy.inputs import StartRefused, prepare
from proxy.preflight import PRIVILEGED_PORTS
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
        inputs = prepare(document)
        with Launcher() as launcher:
            _give_up_privileges(document)
            supervisor = Supervisor(inputs, command, FirewallHelper(launcher), start=start)
            asyncio.run(supervisor.run())
    except StartRefused as refused:
        refuse(refused.problems)
    except privileges.PrivilegesError as error:
        refuse([str(error)])


def _give_up_privileges(document: GatewayDocument) -> None:
    """Keep nothing but what listeners of workers need; before there are threads, each of which would keep its own."""
    low = any(point.listen_port < PRIVILEGED_PORTS for point in document.access_points)
    privileges.become_owner_of(document.state_directory)
    privileges.drop([privileges.NET_BIND_SERVICE] if low else [], passed_on=True)


@click.command("run")
@config_option
def command(config: Path) -> None:
    """Run the gateway in the foreground, until SIGTERM."""
    serve(configuration(config))
