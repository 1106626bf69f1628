"""`alleyes guard`: nothing passes until the gateway serves."""

from __future__ import annotations

from pathlib import Path

import click

from policy.loading import DocumentError
from proxy.commands.options import config_option, refuse
from proxy.configuration import GatewayDocument, InventoryDocument, load_gateway, load_inventory, state_directory_of
from proxy.firewall.commands import InstallTable
from proxy.firewall.nftables import Firewall, FirewallError
from proxy.firewall.plan import Entry, Plan, PlanError
from proxy.plan import firewall_plan
from proxy.storage import quarantine_store
from proxy.storage.plan_store import PlanStore, PlanStoreError
from proxy.storage.quarantine_store import QuarantineStore, QuarantineStoreError


@click.command("guard")
@config_option
def command(config: Path) -> None:
    """Install redirects, guards and the stored quarantines without serving: every call is refused until `run` serves.

    With `fail_mode: open` calls pass unjudged until then, but not those of senders in quarantine.

    For the time between boot and the gateway's start; needs no interface to exist yet. Where the configuration is
    broken, the plan of the gateway's last start is used. Needs CAP_NET_ADMIN.
    """
    plan = _plan(config)
    try:
        applied = Firewall().apply(InstallTable(plan, _quarantines(state_directory_of(config))))
    except FirewallError as error:
        refuse([str(error)])
    points = ", ".join(point.name for point in plan.access_points)
    passing = "no call passes" if plan.fail_mode == "closed" else "calls pass unjudged (fail_mode: open)"
    click.echo(f"alleyes: {passing} to {points} until the gateway serves; {applied.count} in quarantine")


def _plan(config: Path) -> Plan:
    """Return the configured plan, else the one of the last start, else the one that gateway.yaml gives alone."""
    document: GatewayDocument | None = None
    try:
        document = load_gateway(config)
        return firewall_plan(document, load_inventory(document.inventory))
    except DocumentError as error:
        problems = [str(problem) for problem in error.problems]
    except PlanError as error:
        problems = [f"{config}: {error}"]
    store = PlanStore(state_directory_of(config))
    try:
        plan, instead = store.load(), f"the plan of the last start, {store.path}"
    except PlanStoreError as error:
        problems.append(str(error))
        try:
            plan, instead = _plan_without_inventory(document), "gateway.yaml alone"
        except PlanError as reason:
            refuse([*problems, f"{reason}: no guard was installed, calls pass unjudged until the gateway starts"])
    _warn([*problems, f"going on with {instead}"])
    return plan


def _plan_without_inventory(document: GatewayDocument | None) -> Plan:
    if document is None:
        message = "there is no plan to go on with"
        raise PlanError(message)
    return firewall_plan(document, InventoryDocument())


def _quarantines(state: Path) -> tuple[Entry, ...]:
    if not (state / quarantine_store.FILE).exists():
        return ()
    try:
        with QuarantineStore(state) as store:
            return tuple(stored.kernel for stored in store.all() if stored.kernel is not None)
    except QuarantineStoreError as error:
        _warn([str(error), "the guards are installed without the stored quarantines"])
        return ()


def _warn(lines: list[str]) -> None:
    for line in lines:
        click.echo(f"alleyes: {line}", err=True)
