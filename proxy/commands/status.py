"""`alleyes status`: what the running gateway does, and how far its models are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from proxy.clocks import real_now
from proxy.commands import federation_lines
from proxy.commands.options import config_option, configuration
from proxy.health import FirewallStatus, HealthFile, NotServing, Status, ThingsStatus
from proxy.processes.messages import TypeStatus

_MOST_PROBLEMS = 10


@click.command("status")
@click.option("-o", "--output", type=click.Choice(["human", "json"]), default="human", help="Form of output.")
@config_option
def command(config: Path, output: str) -> None:
    """Show mode, models, connections, quarantines and the state of the audit log."""
    try:
        status = HealthFile(configuration(config).state_directory).read(real_now())
    except NotServing as problem:
        click.echo(f"alleyes: {problem}", err=True)
        raise SystemExit(1) from None
    if output == "json":
        click.echo(msgspec.json.encode(status).decode())
    else:
        click.echo("\n".join(_lines(status)))


def _firewall_lines(firewall: FirewallStatus) -> Iterator[str]:
    yield (
        f"kernel: table seen whole {firewall.seen_whole_seconds_ago:.1f} s ago; put back {firewall.restorations} times,"
        f" gaps of at most {firewall.longest_gap_seconds:.2f} s (the latest: {firewall.latest_gap_seconds:.2f} s);"
        f" helper replaced {firewall.helper_restarts} times"
    )
    if firewall.set_full:
        yield f"kernel: a quarantine set was found full {firewall.set_full} times; {firewall.waiting} wait for room"


def _things_lines(agent: str, found: ThingsStatus, now: float) -> Iterator[str]:
    age = "never fetched"
    if found.fetched is not None:
        age = f"fetched {max(now - found.fetched, 0.0):.0f} s ago"
    yield f"things at {agent}: {found.things} known, {age}"
    yield from (f"  {problem}" for problem in found.problems[:_MOST_PROBLEMS])
    if len(found.problems) > _MOST_PROBLEMS:
        yield f"  and {len(found.problems) - _MOST_PROBLEMS} more"


def _lacks(missing: list[str]) -> str:
    return f"; enforced after {', '.join(missing)}" if missing else ""


def _told(found: TypeStatus) -> str:
    return f"; {found.told} of the minutes told by the federation" if found.told else ""


def _lines(status: Status) -> Iterator[str]:
    yield f"serving, process {status.pid}, mode {status.mode}, policy {status.policy_revision}"
    if status.policy_problems:
        yield "policy.yaml is broken, an earlier policy is in force:"
        yield from (f"  {problem}" for problem in status.policy_problems)
    serving = sum(beat is not None for beat in status.workers)
    yield f"workers: {serving} of {len(status.workers)} serve; started again {status.restarts} times"
    if status.mappings:
        yield "understood by mappings: " + "; ".join(f"{agent} ({name})" for agent, name in status.mappings.items())
    if status.mapping_problems:
        yield "a mapping file is broken, earlier mappings are in force:"
        yield from (f"  {problem}" for problem in status.mapping_problems[:_MOST_PROBLEMS])
    missing = [agent for agent, known in status.types_known.items() if not known]
    if missing:
        yield f"types not read yet from {', '.join(missing)}: calls there are calls to unknown nodes"
    yield f"calls: {status.forwarded} forwarded, {status.refused} refused; the gateway failed {status.broken} times"
    yield f"connections: {status.connections}; quarantined senders: {status.quarantined}"
    yield from _firewall_lines(status.firewall)
    if status.revocation.certificates:
        yield f"revoked certificates: {status.revocation.certificates}"
    yield from status.revocation.alarms
    for agent, things in status.things.items():
        yield from _things_lines(agent, things, real_now())
    audit = status.audit_error or "written"
    yield f"audit log: {audit}; {status.audit_pending} records wait, {status.audit_lost} lost"
    if status.federation is not None:
        yield from federation_lines.summary(status.federation, real_now())
    yield f"models: {len(status.service_types)}"
    for name, each in status.service_types.items():
        yield (
            f"  {name:<24} {each.mode:<8} {each.instance_minutes:>8} instance-minutes"
            f" {each.relationships:>4} relationships{_told(each)}{_lacks(status.not_ready.get(name, []))}"
        )
