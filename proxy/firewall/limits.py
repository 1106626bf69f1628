"""Limits for each sender, in the kernel: the first shield of the proxy itself, ahead of connection tracking.

A sender is an IPv4 address; or a link address with a /64, of which a device has all addresses, while on a link many
devices share one. All packets towards access points and listeners count; quarantined senders are dropped before.
"""

from __future__ import annotations

from collections.abc import Mapping

from proxy.firewall.plan import Plan, SenderLimits

SET_SIZE = 16_384
"""Most senders in one set."""
REMEMBERED = "300s"
"""How long a silent sender keeps its place. VSL services ping every 150 s, so they keep theirs in any flood."""
BURST_SECONDS = 2
"""What a sender may send at once is what it may send in so many seconds."""

KEYS: Mapping[str, str] = {"ip": "ip saddr", "ip6": "ether saddr . ip6 saddr and ffff:ffff:ffff:ffff::"}
"""What tells senders apart, for each protocol."""
_TYPES = {"ip": "ipv4_addr", "ip6": "ether_addr . ipv6_addr"}
_VERSIONS = {"ip": 4, "ip6": 6}


def limit_sets() -> list[str]:
    """Return the definitions of the sets that keep count.

    `connections` need no time-out: a sender leaves it with its last connection.
    """
    blocks = []
    for protocol, version in _VERSIONS.items():
        of_senders = f"type {_TYPES[protocol]}\n\tsize {SET_SIZE}\n\tflags dynamic"
        timed = f"{of_senders},timeout\n\ttimeout {REMEMBERED}"
        blocks += [
            f"set senders{version} {{\n\t{timed}\n}}",
            f"set packets{version} {{\n\t{timed}\n}}",
            f"set new_connections{version} {{\n\t{timed}\n}}",
            f"set connections{version} {{\n\t{of_senders}\n}}",
        ]
    return blocks


def limit_chains(limits: SenderLimits) -> dict[str, list[str]]:
    """Return the chains that drop what one sender sends too fast, each after those that it sends packets to.

    The kernel passes over an update that a set has no room for. Senders without a place, and those without a link
    address, share what one sender may send; whoever has a place notices nothing. Who has one among the senders also has
    one among those who are counted: they are no more, and the sets are as large. Membership needs a set of its own,
    because looking for a counted element counts.
    """
    packets, connections = _rate(limits.packets_per_second), _rate(limits.new_connections_per_second)
    begins = "tcp flags & (fin | syn | rst | ack) == syn"
    chains = {}
    for protocol, version in _VERSIONS.items():
        key = KEYS[protocol]
        opening = f"{{ {key} {connections} }}"
        chains[f"limit_known{version}"] = [
            f"update @packets{version} {{ {key} {packets} }} counter name too_many_packets drop",
            f"{begins} update @new_connections{version} {opening} counter name too_many_connections drop",
        ]
        chains[f"limit_sender{version}"] = [
            f"update @senders{version} {{ {key} }}",
            f"{key} @senders{version} goto limit_known{version}",
            f"{packets} counter name no_room drop",
        ]
    return chains


def connection_rule(limits: SenderLimits, protocol: str) -> str:
    """Return the statements that refuse a new connection of a sender that has too many.

    Where the set has no room the connection is taken: the proxy's own caps hold, and they end what would fill the set.
    """
    count = f"ct count over {limits.connections}"
    element = f"{{ {KEYS[protocol]} {count} }}"
    return f"add @connections{_VERSIONS[protocol]} {element} counter name too_many_connections reject with tcp reset"


def dispatch_rules(plan: Plan, protocol: str, called: str, arriving: str) -> list[str]:
    """Return the rules that send what goes to access points and listeners through the limits.

    Args:
        plan: the redirects.
        protocol: `ip` or `ip6`.
        called: the access points' addresses.
        arriving: the match for what comes from the services' side.
    """
    listeners = {
        f"{redirect.listener} . {port}"
        for redirect in plan.redirects
        if (":" in redirect.address) == (protocol == "ip6")
        for port in plan.listener_ports(redirect)
    }
    limited = f"jump limit_sender{_VERSIONS[protocol]}"
    return [
        f"{arriving}{protocol} daddr {called} {limited}",
        f"{arriving}{protocol} daddr . tcp dport {{ {', '.join(sorted(listeners))} }} {limited}",
    ]


def _rate(per_second: int) -> str:
    return f"limit rate over {per_second}/second burst {per_second * BURST_SECONDS} packets"
