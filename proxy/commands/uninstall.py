"""`alleyes uninstall`: take the gateway out of the way; from then on traffic passes unjudged."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import click

from proxy.audit.chained_file import JournalError, JournalInUseError
from proxy.audit.event import Kind
from proxy.audit.journal import Journal
from proxy.audit.trail import AuditTrail
from proxy.clocks import real_now
from proxy.commands.options import config_option, refuse
from proxy.configuration import state_directory_of
from proxy.firewall.commands import Uninstall
from proxy.firewall.nftables import Firewall, FirewallError
from proxy.health import HealthFile, NotServing

_RUNNING = "the gateway is running; stop it first, or it puts its table back at once"
_DISK_SECONDS = 10.0


@click.command("uninstall")
@config_option
def command(config: Path) -> None:
    """Remove guards, redirects and quarantines from the kernel. Models and audit log stay.

    Needs CAP_NET_ADMIN. The gateway must have been stopped. Works whatever state configuration and audit log are in;
    what could not be recorded is said.
    """
    state = state_directory_of(config)
    journal, unrecorded = _journal(state)
    try:
        removed = Firewall().apply(Uninstall()).count
    except FirewallError as error:
        if journal is not None:
            journal.close(_DISK_SECONDS)
        refuse([str(error)])
    if journal is not None:
        unrecorded = _record(journal, removed=bool(removed))
    click.echo("alleyes: removed; traffic passes unjudged" if removed else "alleyes: there was nothing to remove")
    if unrecorded is not None:
        click.echo(f"alleyes: this could not be recorded in the audit log: {unrecorded}", err=True)


def _journal(state: Path) -> tuple[Journal | None, str | None]:
    """Return the journal, or why there is none; end if the gateway runs."""
    try:
        if not state.is_dir():
            return None, f"state_directory {state} is not there"
        return Journal(state / "audit"), None
    except JournalInUseError:
        refuse([_RUNNING])
    except JournalError as error:
        if _says_that_it_runs(state):
            refuse([_RUNNING])
        return None, str(error)
    except OSError as error:
        return None, f"state_directory {state}: {error.strerror}"


def _says_that_it_runs(state: Path) -> bool:
    """Return whether the process that wrote a fresh status file is there; for where the journal's lock can't tell."""
    try:
        os.kill(HealthFile(state).read(real_now()).pid, 0)
    except (NotServing, ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _record(journal: Journal, *, removed: bool) -> str | None:
    """Record the removal; return why that failed, if it did."""
    try:
        with contextlib.closing(journal):
            AuditTrail(journal, real_now).note(
                Kind.UNINSTALL, "The firewall's table was removed: traffic passes unjudged.", removed=removed
            )
    except JournalError as error:
        return str(error)
    return journal.last_error if journal.lost or journal.failing else None
