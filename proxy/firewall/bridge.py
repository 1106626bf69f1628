"""The second table, of a gateway that is a transparent bridge between services and access points.

It notes the ports for the table of the family inet, which a bridged packet reaches by way of br_netfilter: redirects,
guards and quarantines are the same there. Where br_netfilter is off, or what crosses is no plain IP, nothing crosses.

| chain | hook, priority | does |
|---|---|---|
| `note_arrivals` | prerouting, -310 | notes the side a frame comes from; drops who claims an access point's address |
| `note_crossings` | forward, -210 | notes where a frame goes |
| `guard_crossings` | forward, 100 | drops what goes to access points without having met the guard of inet; not ARP |
"""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address

from proxy.firewall.plan import Plan
from proxy.firewall.sides import Mark, interfaces

FAMILY = "bridge"
COUNTERS = ("spoofed", "bypass")
"""Named as in the other table, and counted together with them."""
OTHER_BITS = 0x03FF_FFFF
"""Of a packet's mark: not ours."""


def bridge_removal(table: str) -> str:
    """Return the commands that remove the table, whether or not there is one."""
    return f"add table {FAMILY} {table}\ndelete table {FAMILY} {table}"


def bridge_table(plan: Plan, table: str) -> str:
    """Return the commands that put the table in place, replacing one that is there."""
    services, access = interfaces(plan.service_interfaces), interfaces(plan.access_interfaces)
    bits = Mark.INWARDS | Mark.GUARDED
    chains = {
        "note_arrivals": (
            "prerouting priority -310",
            [
                f"meta mark set mark and {OTHER_BITS:#010x}",
                f"iifname {services} {_noted(Mark.FROM_SERVICES)}",
                f"iifname {access} {_noted(Mark.FROM_ACCESS)}",
                *_claims(plan, services),
            ],
        ),
        "note_crossings": (
            "forward priority -210",
            [
                _noted(Mark.BRIDGED),
                f"iifname {services} oifname {access} {_noted(Mark.INWARDS)}",
                f"iifname {access} oifname {services} {_noted(Mark.OUTWARDS)}",
            ],
        ),
        "guard_crossings": (
            "forward priority 100",
            [f"meta mark and {bits:#010x} == {Mark.INWARDS:#010x} ether type != arp counter name bypass drop"],
        ),
    }
    body = "".join(f"\tcounter {name} {{ }}\n" for name in COUNTERS)
    for name, (hook, rules) in chains.items():
        lines = "".join(f"\t\t{rule}\n" for rule in rules)
        body += f"\tchain {name} {{\n\t\ttype filter hook {hook}; policy accept;\n{lines}\t}}\n"
    return f"{bridge_removal(table)}\ntable {FAMILY} {table} {{\n{body}}}\n"


def _noted(bit: Mark) -> str:
    return f"meta mark set mark or {bit:#010x}"


def _claims(plan: Plan, services: str) -> list[str]:
    """Return the rules against services that say in ARP or neighbour discovery to be an access point."""
    rules = []
    addresses = [ip_address(redirect.address) for redirect in plan.redirects]
    if ipv4 := dict.fromkeys(str(address) for address in addresses if isinstance(address, IPv4Address)):
        rules.append(f"iifname {services} arp saddr ip {{ {', '.join(ipv4)} }} counter name spoofed drop")
    if ipv6 := dict.fromkeys(f"{int(address):#034x}" for address in addresses if address.version == 6):  # noqa: PLR2004
        # The target of an advertisement; nft 1.0.6 has no name for it.
        target = f"icmpv6 type nd-neighbor-advert @th,64,128 {{ {', '.join(ipv6)} }}"
        rules.append(f"iifname {services} {target} counter name spoofed drop")
    return rules
