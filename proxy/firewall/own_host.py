"""The rules for access points on the gateway's own machine, where calls come from outside and from local programs.

| chain | hook, priority | does |
|---|---|---|
| `redirect_local_calls` | output (nat), -110 | sends what local programs call to the listener of the sender's worker |
| `guard_access_points` | input, -10 | resets what would reach an access point's port and is not the gateway's |
| `guard_answers` | output, -10 | marks the gateway's own connections; drops what access points answer to others |

What tells the gateway's connections is the user that opened them. That is seen where they begin, and noted in the
connection's mark: the packets that end a connection, and those that arrive, have no user.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

from proxy.firewall.plan import ROOT, Plan, Redirect
from proxy.firewall.workers import alive, dead

OURS = 0x0200_0000
"""Bit of a connection's mark: the gateway opened it."""
LOCAL = 'iifname "lo"'
_OF_OURS = f"ct mark and {OURS:#010x} == {OURS:#010x}"
_BEGINS = "tcp flags & (fin | syn | rst | ack) == syn"
_LATER = "tcp flags & (fin | syn | rst | ack) != syn"
_FAMILIES = (("ip", 4), ("ip6", 6))


def arrival_rules() -> list[str]:
    """Return the rules for what arrives, before quarantines are looked at.

    An address of this machine is not a sender's alone, so nothing local is dropped by address; and nothing from outside
    has one, which the kernel sees to for IPv4 only. What goes to many may come back to this machine.
    """
    return [
        f"{LOCAL} accept",
        "fib saddr type local fib daddr type local counter name spoofed drop",
    ]


def from_outside(redirects: Iterable[Redirect]) -> list[Redirect]:
    """Return those that can be called from another machine."""
    return [redirect for redirect in redirects if not ip_address(redirect.address).is_loopback]


def local_exemption(plan: Plan) -> list[str]:
    """Return the rule that leaves the gateway's own calls alone; none where the user has other programs as well."""
    return [f"meta skuid {plan.gateway_user} return"] if plan.gateway_user != ROOT else []


def access_point_rules(plan: Plan) -> list[str]:
    """Return the rules of input: of what goes to an access point's port, on any address, only the gateway's passes."""
    ports = _listed(plan.called_ports)
    return [
        f"tcp dport {ports} {LOCAL} {_OF_OURS} accept",
        f"tcp dport {ports} {_LATER} ct direction reply ct state established,related accept",
        f"udp dport {ports} ct direction reply ct state established,related accept",
        *_unjudged(plan),
        f"tcp dport {ports} counter name bypass reject with tcp reset",
        f"udp dport {ports} fib daddr type local counter name bypass drop",
    ]


def answer_rules(plan: Plan) -> list[str]:
    """Return the rules of output.

    The kernel remembers a connection for seconds after it was reset, and takes a SYN between the same ends for a packet
    of it: whoever took the gateway's port then would have its mark. So a SYN is of the gateway's user, or is dropped.

    A connection that is first seen in its middle, and first from the access point's side, would count as opened by it;
    therefore access points open connections with a SYN or not at all. A reset carries no answer: it is ours, too.
    """
    ports = _listed(plan.called_ports)
    rules = []
    if plan.gateway_user != ROOT:
        noted = f"ct mark set ct mark or {OURS:#010x}"
        own = f"{_BEGINS} meta skuid {plan.gateway_user} ct state new {noted}"
        rules += [f"{protocol} daddr . tcp dport {called} {own}" for protocol, called in _called(plan)]
        rules.append(f"tcp dport {ports} {_BEGINS} meta skuid {plan.gateway_user} accept")
    rules.append(f"tcp dport {ports} {_BEGINS} {_OF_OURS} counter name bypass drop")
    rules.append(f"tcp sport {ports} {_LATER} ct state new counter name bypass drop")
    answer = f"tcp sport {ports} tcp flags & rst != rst ct direction reply ct mark and {OURS:#010x} == 0"
    if plan.fail_mode == "closed":
        return [*rules, f"{answer} counter name bypass drop"]
    return [
        *rules,
        *(f"{answer} {alive(plan, f'{protocol} daddr')} counter name bypass drop" for protocol, _ in _called(plan)),
    ]


def _unjudged(plan: Plan) -> list[str]:
    """Return the rules for calls of senders whose worker is gone, which fail mode open lets pass."""
    if plan.fail_mode == "closed":
        return []
    return [
        f"{protocol} daddr . tcp dport {called} {dead(plan, f'{protocol} saddr')} counter name unjudged accept"
        for protocol, called in _called(plan)
    ]


def _called(plan: Plan) -> list[tuple[str, str]]:
    """Return the addresses and ports of access points per protocol, as nft writes both."""
    found = []
    for protocol, version in _FAMILIES:
        ends = {f"{r.address} . {r.port}" for r in plan.redirects if ip_address(r.address).version == version}
        if ends:
            found.append((protocol, _listed(sorted(ends))))
    return found


def _listed(values: Iterable[str | int]) -> str:
    return "{ " + ", ".join(str(value) for value in values) + " }"
