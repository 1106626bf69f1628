"""`alleyes uninstall`: take the gateway out of the way; from then on traffic passes unjudged."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from proxy.audit.chained_file import JournalError
from proxy.audit.event import Kind
from proxy.audit.journal import Journal
from proxy.audit.trail import AuditTrail
from proxy.clocks import real_now
from proxy.commands.options import config_option, configuration, refuse
from proxy.firewall.commands import Uninstall
from proxy.firewall.nftables import Firewall, FirewallError
from proxy.health import HealthFile, NotServing


@click.command("uninstall")
@config_option
def command(config: Path) -> None:
    """Remove guards, redirects and quarantines from the kernel. Models and audit log stay.

    Needs CAP_NET_ADMIN. The gateway must have been stopped.
    """
    document = configuration(config)
    with contextlib.suppress(NotServing):
        HealthFile(document.state_directory).read(real_now())
        refuse(["the gateway is running; stop it first, or it puts its table back at once"])
    try:
        journal = Journal(document.state_directory / "audit", capacity=document.limits.audit_queue)
    except JournalError as error:
        refuse([str(error)])
    try:
        removed = Firewall().apply(Uninstall()).count
        AuditTrail(journal, real_now).note(
            Kind.UNINSTALL, "The firewall's table was removed: traffic passes unjudged.", removed=bool(removed)
        )
    except FirewallError as error:
        refuse([str(error)])
    finally:
        journal.close()
    click.echo("alleyes: removed; traffic passes unjudged" if removed else "alleyes: there was nothing to remove")
