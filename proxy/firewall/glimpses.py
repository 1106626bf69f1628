"""Quarantined addresses may open a connection now and then, so that the gateway sees who is behind them by now.

Behind an address translator or on one host, a healthy service may turn up at an address that the kernel drops because
of another one. Where callers show certificates, a few connections a minute of such an address come in for seconds, long
enough for a handshake. The quarantined sender is refused on them by the gateway; if somebody else shows up,
the gateway takes the address out of the kernel's sets. Connections that were open before stay cut.
"""

from __future__ import annotations

from collections.abc import Mapping

from proxy.firewall.plan import Plan
from proxy.firewall.workers import alive

A_MINUTE = 12
AT_ONCE = 3
"""Connections of one address that are let in."""
SECONDS = 4
"""How long packets of such a connection pass."""
SET_SIZE = 4096
"""Most addresses, and most connections, at a time; where there is no room nobody is let in."""

_VERSIONS: Mapping[int, str] = {4: "ip", 6: "ip6"}


def glimpse_sets() -> list[str]:
    """Return the definitions of the sets that keep count."""
    blocks = []
    for version in _VERSIONS:
        flags = f"size {SET_SIZE}\n\tflags dynamic,timeout"
        address = f"ipv{version}_addr"
        blocks += [
            f"set looks{version} {{\n\ttype {address}\n\t{flags}\n\ttimeout 60s\n}}",
            f"set glimpses{version} {{\n\ttype {address} . inet_service\n\t{flags}\n\ttimeout {SECONDS}s\n}}",
        ]
    return blocks


def glimpse_chains(plan: Plan) -> dict[str, list[str]]:
    """Return the chains that quarantined addresses are sent through before they are dropped."""
    chains = {}
    for version, protocol in _VERSIONS.items():
        rules = []
        if called := _called(plan, version):
            rate = f"limit rate {A_MINUTE}/minute burst {AT_ONCE} packets"
            to = f"{protocol} daddr . tcp dport {called}"
            if plan.fail_mode == "open":
                # Where nobody would look at it, it would go by unjudged.
                to = f"{alive(plan, f'{protocol} saddr')} {to}"
            begins = f"{to} tcp flags & (fin | syn | rst | ack) == syn"
            look = f"update @looks{version} {{ {protocol} saddr {rate} }}"
            let_in = f"update @glimpses{version} {{ {protocol} saddr . tcp sport }}"
            rules = [
                f"{begins} {look} {let_in} counter name glimpsed accept",
                f"{to} {protocol} saddr . tcp sport @glimpses{version} accept",
            ]
        chains[f"glimpse{version}"] = rules
    return chains


def glance(plan: Plan, quarantined: str, version: int) -> list[str]:
    """Return the rule that sends quarantined addresses through their chain; none where nobody shows certificates.

    Args:
        plan: the access points.
        quarantined: the match for who is in a set.
        version: of IP.
    """
    return [f"{quarantined} jump glimpse{version}"] if _called(plan, version) else []


def _called(plan: Plan, version: int) -> str:
    """Return the access points whose callers show certificates, and their ports; empty where there are none."""
    ends = {
        f"{redirect.address} . {redirect.port}"
        for point in plan.access_points
        if point.certificates
        for redirect in point.redirects
        if (":" in redirect.address) == (version == 6)  # noqa: PLR2004 -- of IP
    }
    return f"{{ {', '.join(sorted(ends))} }}" if ends else ""
