"""Where a packet comes from and goes to, in the words of nftables, for a gateway that routes and for one that bridges.

A bridge's ports are seen in the family `bridge` alone; the rules of the family `inet` see the bridge. So the ports are
noted there, in upper bits of the packet's mark, and asked for here.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntFlag

from proxy.firewall.plan import Plan


class Mark(IntFlag):
    """Bits of a bridged packet's mark; the gateway's own, cleared on arrival."""

    FROM_SERVICES = 0x0400_0000
    FROM_ACCESS = 0x0800_0000
    BRIDGED = 0x1000_0000
    """Goes from one port to another, not to the gateway itself."""
    INWARDS = 0x2000_0000
    """From a port of services to one of access points."""
    OUTWARDS = 0x4000_0000
    GUARDED = 0x8000_0000
    """Has been through the guard of the family inet."""


def interfaces(names: Iterable[str]) -> str:
    """Return a set of interfaces as nft writes it."""
    return "{ " + ", ".join(f'"{name}"' for name in names) + " }"


def marked(bits: Mark) -> str:
    """Return the match for packets that have all of these bits."""
    return f"meta mark and {bits:#010x} == {bits:#010x}"


def from_services(plan: Plan) -> str:
    """Return the match for what services send, with a space behind it; empty where it may come from anywhere."""
    if plan.bridge is not None:
        return f'iifname "{plan.bridge}" {marked(Mark.FROM_SERVICES)} '
    if plan.gateway_user is not None:
        # What local programs send is limited and bound to link addresses nowhere: their addresses are the gateway's.
        return 'iifname != "lo" '
    return f"iifname {interfaces(plan.service_interfaces)} " if plan.service_interfaces else ""


def from_services_alone(plan: Plan) -> str | None:
    """Return the match for what only services can have sent, with a space behind it; None where there is none.

    On a shared interface an access point's address legitimately arrives from there.
    """
    if plan.bridge is not None:
        return from_services(plan)
    alone = [name for name in plan.service_interfaces if name not in plan.access_interfaces]
    return f"iifname {interfaces(alone)} " if alone and plan.access_interfaces else None


def from_access(plan: Plan) -> str | None:
    """Return the match for what comes from the access points' side; None where that is not known."""
    if plan.bridge is not None:
        return f'iifname "{plan.bridge}" {marked(Mark.FROM_ACCESS)}'
    return f"iifname {interfaces(plan.access_interfaces)}" if plan.access_interfaces else None


def crossings(plan: Plan) -> tuple[str, str] | None:
    """Return the matches for what goes from services to the access points' side, and back; None where not known."""
    if plan.bridge is not None:
        return marked(Mark.INWARDS), marked(Mark.OUTWARDS)
    if not plan.service_interfaces or not plan.access_interfaces:
        return None
    services, access = interfaces(plan.service_interfaces), interfaces(plan.access_interfaces)
    return f"iifname {services} oifname {access}", f"iifname {access} oifname {services}"
