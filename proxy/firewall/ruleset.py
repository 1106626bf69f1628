"""The text of our nftables table. Pure: the same plan and entries give the same text.

Names are part of the operator's interface (`nft list table inet alleyes`) and of the metrics; they stay.

| chain | hook, priority | does |
|---|---|---|
| `quarantine` | prerouting, -350 | drops quarantined, forged and spoofed senders, established connections too |
| `glimpse4`, `glimpse6` | | let a quarantined address open a connection now and then, to see who is behind it |
| `check_link4`, `check_link6` | | drop who has a bound address without its link address |
| `limit_senders` | prerouting, -340 | what goes to access points and listeners is limited, by the next two |
| `limit_sender4`, `limit_sender6` | | limit together whom the sets have no room for |
| `limit_known4`, `limit_known6` | | drop what one sender sends too fast |
| `redirect_calls` | prerouting (nat), -110 | sends calls of access points to the listener of the sender's worker |
| `guard_listeners` | input, -10 | resets whoever connects to a listener without having been redirected, or too often |
| `guard_access_points` | forward, -10 | drops what would reach an access point around the listeners |

Where access points are on this machine, `guard_access_points` is at input and there are two further chains, see
`own_host`.

| set, each for IPv4 and IPv6 | holds |
|---|---|
| `quarantine4`, `quarantine_link4` | who is in quarantine, by address or by link address and address (IPv6: /64) |
| `quarantine_net6` | the same by an IPv6 /64 behind a router |
| `looks4`, `glimpses4` | quarantined addresses that opened a connection lately; connections let in for a handshake |
| `bound4`, `bound_link4` | addresses that belong to a link address, and those pairs |
| `senders4` | who has a place in the next two |
| `packets4`, `new_connections4`, `connections4` | what each sender has sent, opened, and has open |

-350 is before connection tracking (-200), so a quarantine needs no work on existing connections: the packet after the
transaction is already dropped. -110 and -10 come just before the usual places of other tables.

In fail mode open the set `alive` holds the numbers of the workers that serve, each for some seconds: without its worker
there, a sender is neither redirected nor kept from calling directly. A gateway that is a bridge has a second table, see
`bridge`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Network, collapse_addresses, ip_address
from math import ceil

from proxy.firewall.bindings import binding_chains, binding_rules, binding_sets
from proxy.firewall.bridge import bridge_table
from proxy.firewall.glimpses import glance, glimpse_chains, glimpse_sets
from proxy.firewall.limits import connection_rule, dispatch_rules, limit_chains, limit_sets
from proxy.firewall.own_host import access_point_rules, answer_rules, arrival_rules, from_outside, local_exemption
from proxy.firewall.plan import Entry, Plan, Redirect
from proxy.firewall.sides import Mark, crossings, from_access, from_services, from_services_alone
from proxy.firewall.workers import (
    ALIVE_SECONDS,
    ALIVE_SET,
    alive,
    alive_elements,
    alive_set,
    dead,
    port_of,
    ports_of,
)

FAMILY = "inet"
TABLE = "alleyes"

_NETWORK = "ip6 saddr and ffff:ffff:ffff:ffff::"
_KEYS: Mapping[str, str] = {
    "quarantine4": "ip saddr",
    "quarantine6": "ip6 saddr",
    "quarantine_net6": _NETWORK,
    "quarantine_link4": "ether saddr . ip saddr",
    "quarantine_link6": f"ether saddr . {_NETWORK}",
}
"""What a packet is looked up by in each set."""

NEIGHBOUR_DISCOVERY = "ip6 hoplimit 255 icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert }"

DAY = 86_400_000
"""Milliseconds."""
LONGEST = 36_500 * DAY
"""Longest time of a quarantine that ends by itself, in milliseconds; one without an end has no such bound."""

SETS: Mapping[str, str] = {
    "quarantine4": "ipv4_addr",
    "quarantine6": "ipv6_addr",
    "quarantine_net6": "ipv6_addr",
    "quarantine_link4": "ether_addr . ipv4_addr",
    "quarantine_link6": "ether_addr . ipv6_addr",
}
"""Quarantine sets and their key types. Never `flags interval`: an insert would cost time in proportion to the set."""

COUNTERS: Mapping[str, str] = {
    "quarantined4": "packets of senders quarantined by IPv4 address",
    "quarantined6": "packets of senders quarantined by IPv6 address",
    "quarantined_net6": "packets of senders quarantined by IPv6 /64",
    "quarantined_link4": "packets of senders quarantined by link and IPv4 address",
    "quarantined_link6": "packets of senders quarantined by link address and IPv6 /64",
    "glimpsed": "connections from quarantined addresses that were let in to see who is behind them now",
    "spoofed": "packets from the services' side with an access point's address as sender",
    "too_many_packets": "packets of senders that send too many",
    "too_many_connections": "attempts of senders that open too many connections, in a second or at a time",
    "no_room": "packets of senders that the sets for limits have no room for, beyond what those may send together",
    "forged_sender": "packets from the services' side with another link address than the sender's",
    "redirected": "connections sent to a listener",
    "direct": "packets to a listener that were not redirected",
    "bypass": "packets towards an access point around the listeners",
    "unjudged": "packets of calls that fail mode open let pass, because the sender's worker is not alive",
}
"""Named counters and what they count."""


def set_of(entry: Entry) -> str:
    """Return the set that a sender belongs in."""
    version = "6" if ":" in entry.ip else "4"
    if entry.mac is not None:
        return f"quarantine_link{version}"
    return "quarantine_net6" if "/" in entry.ip else f"quarantine{version}"


def key_of(entry: Entry) -> str:
    """Return a sender as an element's key."""
    ip, mac = entry.key
    ip = ip.partition("/")[0]
    return ip if mac is None else f"{mac} . {ip}"


def milliseconds_left(entry: Entry, now: float) -> int | None:
    """Return how long a sender stays from real time `now` (s) on, 0 where that is over, None where there is no end."""
    return None if entry.until is None else max(0, min(ceil((entry.until - now) * 1000), LONGEST))


def element_of(entry: Entry, now: float) -> str | None:
    """Return a sender as an element with the time it has left, or None when that is over.

    Args:
        entry: the sender.
        now: real time, seconds since the epoch.
    """
    left = milliseconds_left(entry, now)
    if left is None:
        return key_of(entry)
    if left == 0:
        return None
    # nft takes no number of milliseconds beyond eight digits, but a day more than fits them.
    days, milliseconds = divmod(left, DAY)
    return f"{key_of(entry)} timeout {days}d{milliseconds}ms"


def fitting(entries: Iterable[Entry], size: int) -> tuple[list[Entry], list[Entry]]:
    """Return the entries that sets of a size have room for, and those they have none for; later ones go first."""
    groups = by_set(entries).values()
    chosen = [entry for members in groups for entry in members[-size:]]
    return chosen, [entry for members in groups for entry in members[:-size]]


def arming(workers: Iterable[int]) -> str:
    """Return the commands that let workers count as alive from now on, whether or not they do.

    See `elements.insertion` for why there are three.
    """
    seconds = dict.fromkeys(workers, ALIVE_SECONDS)
    if not seconds:
        return ""
    target = f"element {FAMILY} {TABLE} {ALIVE_SET}"
    keys = ", ".join(map(str, sorted(seconds)))
    commands = ("add", keys), ("delete", keys), ("add", alive_elements(seconds))
    return "\n".join(f"{verb} {target} {{ {elements} }}" for verb, elements in commands)


def uninstallation() -> str:
    """Return the commands that remove the table, whether or not there is one."""
    return f"add table {FAMILY} {TABLE}\ndelete table {FAMILY} {TABLE}"


def ruleset(
    plan: Plan, entries: Iterable[Entry] = (), *, now: float = 0.0, alive_for: Mapping[int, float] | None = None
) -> str:
    """Return the commands that put the whole table in place, replacing one that is there, in one transaction.

    Args:
        plan: interfaces, access points and their listeners.
        entries: who is in quarantine; ones whose time is over are left out.
        now: real time, seconds since the epoch.
        alive_for: how many seconds each worker still counts as alive; of account in fail mode open.
    """
    blocks = [
        *(f"counter {name} {{ }}" for name in COUNTERS),
        *_quarantine_sets(plan, entries, now),
        *binding_sets(plan.bindings),
        *glimpse_sets(),
        *limit_sets(),
        *([alive_set(alive_for or {})] if plan.fail_mode == "open" else ()),
        *(_part(name, rules) for name, rules in binding_chains().items()),
        *(_part(name, rules) for name, rules in glimpse_chains(plan).items()),
        _chain("quarantine", "filter hook prerouting priority -350", _quarantine_rules(plan)),
        *(_part(name, rules) for name, rules in limit_chains(plan.limits).items()),
        _chain("limit_senders", "filter hook prerouting priority -340", _limit_rules(plan)),
        _chain("redirect_calls", "nat hook prerouting priority -110", _redirect_rules(plan)),
        _chain("guard_listeners", "filter hook input priority -10", _listener_rules(plan)),
        *(_guards(plan) if plan.gateway_user is None else _guards_of_this_machine(plan)),
    ]
    body = "\n\n".join("\n".join(f"\t{line}" for line in block.splitlines()) for block in blocks)
    text = f"{uninstallation()}\ntable {FAMILY} {TABLE} {{\n{body}\n}}\n"
    return text if plan.bridge is None else text + bridge_table(plan, TABLE)


def _guards(plan: Plan) -> list[str]:
    return [_chain("guard_access_points", "filter hook forward priority -10", _access_point_rules(plan))]


def _guards_of_this_machine(plan: Plan) -> list[str]:
    local = [*local_exemption(plan), *_redirects(plan, plan.redirects, "")]
    return [
        _chain("redirect_local_calls", "nat hook output priority -110", local),
        _chain("guard_access_points", "filter hook input priority -10", access_point_rules(plan)),
        _chain("guard_answers", "filter hook output priority -10", answer_rules(plan)),
    ]


def by_set(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    """Group by set; a sender that is named twice counts with its last entry, as the kernel refuses doubles."""
    unique: dict[tuple[str, str | None], Entry] = {}
    for entry in entries:
        unique.pop(entry.key, None)
        unique[entry.key] = entry
    groups: dict[str, list[Entry]] = {}
    for entry in unique.values():
        groups.setdefault(set_of(entry), []).append(entry)
    return groups


def _chain(name: str, hook: str, rules: Sequence[str]) -> str:
    lines = "".join(f"\t{rule}\n" for rule in rules)
    return f"chain {name} {{\n\ttype {hook}; policy accept;\n{lines}}}"


def _part(name: str, rules: Sequence[str]) -> str:
    """Return a chain that others send packets through."""
    return f"chain {name} {{\n{''.join(f'\t{rule}\n' for rule in rules)}}}"


def _quarantine_sets(plan: Plan, entries: Iterable[Entry], now: float) -> list[str]:
    groups = by_set(entries)
    blocks = []
    for name, key_type in SETS.items():
        elements = [element for entry in groups.get(name, ()) if (element := element_of(entry, now)) is not None]
        listed = f"\n\telements = {{ {', '.join(elements)} }}" if elements else ""
        blocks.append(f"set {name} {{\n\ttype {key_type}\n\tsize {plan.quarantine_size}\n\tflags timeout{listed}\n}}")
    return blocks


def _protocol(address: str) -> str:
    return "ip" if isinstance(ip_address(address), IPv4Address) else "ip6"


def _listed(values: Iterable[str | int]) -> str:
    return "{ " + ", ".join(str(value) for value in values) + " }"


def _addresses(plan: Plan) -> list[tuple[str, str]]:
    """Return the access points' addresses per protocol, as nft writes both."""
    found: dict[str, dict[str, None]] = {}
    for redirect in plan.redirects:
        found.setdefault(_protocol(redirect.address), {})[redirect.address] = None
    return [(protocol, _listed(addresses)) for protocol, addresses in found.items()]


def _quarantine_rules(plan: Plan) -> list[str]:
    rules = arrival_rules() if plan.gateway_user is not None else []
    if (services := from_services_alone(plan)) is not None:
        rules += [
            f"{services}{protocol} saddr {addresses} counter name spoofed drop"
            for protocol, addresses in _addresses(plan)
        ]
    return [
        *rules,
        *binding_rules(from_services(plan)),
        # Like ARP, or the gateway gives the neighbour up and a released sender stays mute for seconds.
        f"{NEIGHBOUR_DISCOVERY} accept",
        # A device has all addresses of its /64, but so have the others on its link: those come first.
        *_spared(plan),
        *(
            rule
            for name, key in _KEYS.items()
            for rule in (*glance(plan, f"{key} @{name}", 6 if "6" in name else 4), _shut_out(name, key))
        ),
    ]


def _shut_out(name: str, key: str) -> str:
    return f"{key} @{name} counter name {name.replace('quarantine', 'quarantined')} drop"


def _spared(plan: Plan) -> list[str]:
    """Return the rule that lets protected IPv6 addresses be, whoever of the same /64 is in quarantine."""
    texts = [*plan.protected, *(address for r in plan.redirects for address in (r.address, r.listener))]
    networks = collapse_addresses(IPv6Network(text) for text in texts if ":" in text)
    listed = _listed(map(str, networks))
    return [f"ip6 saddr {listed} return"] if any(":" in text for text in texts) else []


def _limit_rules(plan: Plan) -> list[str]:
    return [
        rule
        for protocol, addresses in _addresses(plan)
        for rule in dispatch_rules(plan, protocol, addresses, from_services(plan))
    ]


def _redirect_rules(plan: Plan) -> list[str]:
    redirects = plan.redirects if plan.gateway_user is None else from_outside(plan.redirects)
    return _redirects(plan, redirects, from_services(plan))


def _redirects(plan: Plan, redirects: Iterable[Redirect], arriving: str) -> list[str]:
    """Return the rules that send calls to listeners.

    Args:
        plan: the access points.
        redirects: which of their addresses.
        arriving: the match for who calls, with a space behind it; empty: anybody.
    """
    names = {redirect: point.name for point in plan.access_points for redirect in point.redirects}
    rules = []
    for redirect in redirects:
        protocol = _protocol(redirect.address)
        armed = f"{alive(plan, f'{protocol} saddr')} " if plan.fail_mode == "open" else ""
        listener = redirect.listener if protocol == "ip" else f"[{redirect.listener}]"
        rules.append(
            f"{arriving}{protocol} daddr {redirect.address} tcp dport {redirect.port} {armed}counter name redirected "
            f'dnat {protocol} to {listener}:{port_of(plan, redirect, f"{protocol} saddr")} comment "{names[redirect]}"'
        )
    return rules


def _redirected(plan: Plan, redirect: Redirect) -> str:
    protocol = _protocol(redirect.address)
    return (
        f"{protocol} daddr {redirect.listener} tcp dport {ports_of(plan, redirect)} ct status dnat "
        f"ct original {protocol} daddr {redirect.address} ct original proto-dst {redirect.port} accept"
    )


def _listener_rules(plan: Plan) -> list[str]:
    ports = sorted({port for redirect in plan.redirects for port in plan.listener_ports(redirect)})
    if not ports:
        return []
    return [
        *(
            f"meta nfproto {family} tcp dport {_listed(ports)} ct state new ct status dnat "
            f"{connection_rule(plan.limits, protocol)}"
            for family, protocol in (("ipv4", "ip"), ("ipv6", "ip6"))
        ),
        *(_redirected(plan, redirect) for redirect in plan.redirects),
        f"tcp dport {_listed(ports)} counter name direct reject with tcp reset",
    ]


def _access_point_rules(plan: Plan) -> list[str]:
    """Return the rules that leave an access point reachable only by what it asked for itself.

    A connection that the gateway first sees in its middle, and first from the access point's side, would count as
    opened by it; therefore an access point opens TCP connections with a SYN or not at all.
    """
    rules = [] if plan.bridge is None else _bridged_rules(plan)
    for protocol, addresses in _addresses(plan):
        begins = "tcp flags & (fin | syn | rst | ack) != syn"
        rules.append(f"{protocol} saddr {addresses} {begins} ct state new counter name bypass drop")
        rules.append(f"{protocol} daddr {addresses} ct direction reply ct state established,related accept")
        if (access := from_access(plan)) is not None:
            rules.append(f"{access} {protocol} saddr {addresses} {protocol} daddr {addresses} accept")
        rules += _call_rules(plan, protocol)
        rules.append(f"{protocol} daddr {addresses} counter name bypass drop")
    return [*rules, *_between_the_networks(plan)]


def _call_rules(plan: Plan, protocol: str) -> list[str]:
    """Return the rules for calls that are not redirected, and for what access points answer to such.

    In fail mode open they pass while the sender's worker is gone. Once it is back they are reset: otherwise the retries
    of a call that passed unjudged would keep their place in conntrack, which is not redirected any more, and the sender
    would wait for minutes.
    """
    called = _listed(f"{r.address} . {r.port}" for r in plan.redirects if _protocol(r.address) == protocol)
    call = f"{from_services(plan)}{protocol} daddr . tcp dport {called}"
    answer = f"{protocol} saddr . tcp sport {called} ct direction reply"
    if plan.fail_mode == "closed":
        return [f"{answer} counter name bypass drop"]
    return [
        f"{call} {dead(plan, f'{protocol} saddr')} counter name unjudged accept",
        f"{call} counter name bypass reject with tcp reset",
        f"{answer} {alive(plan, f'{protocol} daddr')} counter name bypass reject with tcp reset",
    ]


def _between_the_networks(plan: Plan) -> list[str]:
    """Return the rules for what is not declared as an access point but lies on their side.

    An access point may have addresses that nobody declared: another IPv4, an IPv6 that it gave itself. Calls to those
    would go around the gateway.
    """
    ways = crossings(plan)
    if ways is None:
        return []
    inwards, outwards = ways
    begins = "tcp flags & (fin | syn | rst | ack) != syn"
    return [
        f"{outwards} {begins} ct state new counter name bypass drop",
        f"{inwards} ct direction reply ct state established,related accept",
        *(f"{inwards} {'ip6' if ':' in network else 'ip'} daddr {network} accept" for network in plan.reachable),
        f"{inwards} counter name bypass drop",
    ]


def _bridged_rules(plan: Plan) -> list[str]:
    """Return what a bridge needs besides: neighbours that find each other, no way round by the gateway's routes.

    All packets that come here are noted, so that the other table drops what did not.
    """
    routed = f"meta mark and {Mark.BRIDGED:#010x} != {Mark.BRIDGED:#010x}"
    return [
        f"meta mark set mark or {Mark.GUARDED:#010x}",
        f'{from_services(plan)}oifname "{plan.bridge}" {routed} counter name bypass drop',
        f"{NEIGHBOUR_DISCOVERY} accept",
    ]
