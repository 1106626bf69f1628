"""`alleyes quarantine`: who is shut out, and changes of that by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
from pydantic_core import PydanticCustomError

from policy.duration import duration, seconds
from policy.printable import printable
from proxy.audit.event import rfc3339
from proxy.clocks import real_now
from proxy.commands.options import config_option
from proxy.commands.running_gateway import ask
from proxy.control.messages import NewQuarantine, Quarantines, QuarantineState

_LONGEST = 600
"""Characters of one part of a line; a reason has fewer."""

output_option = click.option(
    "-o", "--output", type=click.Choice(["human", "json"]), default="human", help="Form of output."
)


def _seconds(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    try:
        return None if value is None else seconds(value)
    except PydanticCustomError as error:
        raise click.BadParameter(str(error), ctx, param) from error


@click.group()
def quarantine() -> None:
    """Show, enter and end quarantines of the running gateway."""


@quarantine.command("list")
@output_option
@config_option
def list_(config: Path, output: str) -> None:
    """Show who is in quarantine, and who can never be."""
    found = ask(config, lambda gateway: gateway.quarantines())
    if output == "json":
        click.echo(msgspec.json.encode(found).decode())
    else:
        click.echo("\n".join(_lines(found)))


@quarantine.command()
@click.argument("sender")
@click.option("--for", "length", callback=_seconds, help="How long: 90s, 15m, 1h, 7d. Default: as the policy says.")
@click.option("--reason", required=True, help="Why, for the audit log.")
@output_option
@config_option
def add(*, sender: str, length: int | None, reason: str, config: Path, output: str) -> None:
    """Refuse a sender from now on, and cut its connections.

    SENDER is an identity (certificate:NAME), a service (/agent1/lightcontrol1), or the network address of one sender.
    """
    wanted = NewQuarantine(sender=sender, reason=reason, seconds=length)
    made = ask(config, lambda gateway: gateway.add(wanted))
    if output == "json":
        click.echo(msgspec.json.encode(made).decode())
    else:
        click.echo(f"alleyes: in quarantine: {_line(made, real_now())}")


@quarantine.command()
@click.argument("sender")
@click.option("--reason", default="", help="Why, for the audit log.")
@output_option
@config_option
def delete(*, sender: str, reason: str, config: Path, output: str) -> None:
    """Let a sender through again.

    SENDER is the identity that `list` shows; or the service's or network address, where one quarantine alone has it.
    """
    ended = ask(config, lambda gateway: gateway.delete(sender, reason))
    if output == "json":
        click.echo(msgspec.json.encode(ended).decode())
    else:
        click.echo(f"alleyes: {printable(ended.identity)} is let through again")


def _lines(found: Quarantines) -> Iterator[str]:
    now = real_now()
    if not found.quarantines:
        yield "nobody is in quarantine"
    for each in found.quarantines:
        yield _line(each, now)
    yield f"never in quarantine: {', '.join(found.protected)}"


def _line(state: QuarantineState, now: float) -> str:
    where = "in the kernel" if state.in_kernel else "by the gateway alone"
    origin = f"by {state.by}" if state.by else f"verdict {state.verdict}"
    whom = " ".join(dict.fromkeys(filter(None, [state.identity, state.address, state.ip])))
    until = rfc3339(state.until).partition(".")[0]
    parts = [f"until {until}Z (in {_left(state.until - now)})", where, f"{origin}: {state.reason}"]
    return "  ".join(printable(part, _LONGEST) for part in [whom, *parts])


def _left(seconds_left: float) -> str:
    """Return a time to the unit of which there are at least two."""
    whole = max(0, round(seconds_left))
    unit = next((size for size in (86_400, 3600, 60) if whole >= 2 * size), 1)
    return duration(whole - whole % unit)
