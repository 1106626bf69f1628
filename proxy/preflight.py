"""What would keep the gateway from working on this machine: one line per problem, each with its remedy."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from proxy.firewall.addresses import own_addresses
from proxy.firewall.nftables import Firewall, FirewallError
from proxy.firewall.plan import ROOT, Plan
from proxy.firewall.ports import ports_of

CAP_NET_ADMIN = 12
"""Bit in the capability sets of capabilities(7)."""
PRIVILEGED_PORTS = 1024
FORWARDING = {4: "net/ipv4/ip_forward", 6: "net/ipv6/conf/all/forwarding"}
"""Kernel parameter per IP version, as under /proc/sys."""
BRIDGED = {4: "net/bridge/bridge-nf-call-iptables", 6: "net/bridge/bridge-nf-call-ip6tables"}
"""The same for br_netfilter, which lets bridged packets pass through the rules."""
STATUS = Path("/proc/thread-self/status")
PARAMETERS = Path("/proc/sys")
SOCKETS = (Path("/proc/thread-self/net/tcp"), Path("/proc/thread-self/net/tcp6"))
LISTENING = "0A"
"""TCP_LISTEN, as those files write states."""


def check(plan: Plan, *, ports: bool = True) -> list[str]:
    """Return every problem found, in the network namespace of the calling thread; none: the gateway can start.

    Nothing is changed: ports are bound and let go, rules are only asked for.

    Args:
        plan: what is to be installed.
        ports: whether to try the ports; a gateway that runs has taken them.
    """
    privileged = may_administer_network(STATUS.read_text(encoding="ascii"))
    return [
        *([] if privileged else [_CAPABILITY]),
        *(nftables_problems() if privileged else []),
        *interface_problems((*plan.service_interfaces, *plan.access_interfaces, *filter(None, [plan.bridge]))),
        *address_problems(plan, own_addresses()),
        *(listener_problems(plan) if ports else []),
        *_topology_problems(plan),
    ]


def _topology_problems(plan: Plan) -> list[str]:
    if plan.gateway_user is not None:
        return user_problems(plan, listening_users(SOCKETS))
    return forwarding_problems(plan, PARAMETERS) if plan.bridge is None else bridge_problems(plan, PARAMETERS)


_CAPABILITY = (
    "capability CAP_NET_ADMIN is missing, so nothing can be redirected or quarantined"
    " -- run as root, or give it: setcap, `AmbientCapabilities=` of systemd, `--cap-add` of a container"
)


def may_administer_network(status: str) -> bool:
    """Return whether the effective capabilities of a /proc/.../status text hold CAP_NET_ADMIN."""
    for line in status.splitlines():
        name, _, value = line.partition(":")
        if name == "CapEff":
            return bool(int(value, 16) >> CAP_NET_ADMIN & 1)
    return False


def nftables_problems() -> list[str]:
    """Return what keeps libnftables or the kernel from listing tables."""
    try:
        Firewall().present()
    except FirewallError as error:
        return [f"nftables can not be used: {error}"]
    return []


def interface_problems(names: Iterable[str]) -> list[str]:
    """Return the interfaces that this machine does not have."""
    present = sorted(name for _, name in socket.if_nameindex())
    return [
        f"interface {name} does not exist; there are {', '.join(present)} -- correct `interfaces`, or bring it up first"
        for name in dict.fromkeys(names)
        if name not in present
    ]


def address_problems(plan: Plan, own: frozenset[str]) -> list[str]:
    """Return addresses that are on the wrong side: listeners that aren't ours, access points that are or should be.

    Args:
        plan: what is to be installed.
        own: this machine's addresses.
    """
    problems = {}
    for point in plan.access_points:
        for redirect in point.redirects:
            if redirect.listener not in own:
                problems[redirect.listener] = (
                    f"listener address {redirect.listener} is not on this machine"
                    " -- correct `listen`, or give an interface that address first"
                )
            if plan.gateway_user is not None:
                if redirect.address not in own:
                    problems[redirect.address] = (
                        f"access point {point.name}: {redirect.address} is not on this machine"
                        " -- correct it, or give an interface that address first; `topology: host` is for access points"
                        " on the gateway's own machine"
                    )
            elif redirect.address in own:
                problems[redirect.address] = (
                    f"access point {point.name}: {redirect.address} is this machine's own address"
                    " -- give the access point's, on another machine; or write `topology: host` if it is on this one"
                )
    return list(problems.values())


def listener_problems(plan: Plan) -> list[str]:
    """Return the listeners that can not be bound, other than for an address that this machine does not have."""
    problems = []
    ends = dict.fromkeys((r.listener, port) for r in plan.redirects for port in plan.listener_ports(r))
    for listener, port in ends:
        reason = _binding_problem(listener, port)
        if reason is not None:
            problems.append(f"port {port} on {listener} {reason}")
    return problems


def _binding_problem(address: str, port: int) -> str | None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # What asyncio sets as well: connections of an earlier process that linger do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            probe.bind((address, port))
            probe.listen(1)
        except OSError as error:
            match error.errno:
                case errno.EADDRNOTAVAIL:
                    return None
                case errno.EADDRINUSE:
                    return f"is taken -- end the other process (ss -ltnp 'sport = :{port}') or choose another port"
                case errno.EACCES if port < PRIVILEGED_PORTS:
                    return f"needs CAP_NET_BIND_SERVICE -- give it, or choose a port from {PRIVILEGED_PORTS} on"
                case _:
                    return f"can not be listened on ({os.strerror(error.errno or 0)})"
    return None


def bridge_problems(plan: Plan, parameters: Path) -> list[str]:
    """Return what keeps bridged packets from the rules: interfaces that are no ports of the bridge, br_netfilter off.

    Args:
        plan: what is to be installed.
        parameters: the directory of kernel parameters, /proc/sys.
    """
    ports = ports_of(plan.bridge) if plan.bridge is not None else frozenset()
    problems = [
        f"interface {name} is no port of {plan.bridge} -- ip link set {name} master {plan.bridge}"
        for name in (*plan.service_interfaces, *plan.access_interfaces)
        if name not in ports
    ]
    for version in _versions(plan):
        path = BRIDGED[version]
        parameter = path.replace("/", ".")
        try:
            on = (parameters / path).read_text(encoding="ascii").strip() != "0"
        except OSError:
            remedy = f"modprobe br_netfilter && sysctl -w {parameter}=1"
            problems.append(
                f"br_netfilter is missing, so no IPv{version} call can be redirected on a bridge -- {remedy}"
            )
            continue
        if not on:
            remedy = f"sysctl -w {parameter}=1"
            problems.append(
                f"br_netfilter is off for IPv{version}, so no call can be redirected on a bridge -- {remedy}"
            )
    return problems


def user_problems(plan: Plan, listening: Mapping[int, frozenset[int]]) -> list[str]:
    """Return why the gateway's user is not one of its own, so that others' calls would go unjudged with the gateway's.

    Args:
        plan: what is to be installed.
        listening: users by the ports that they listen on.
    """
    remedy = "useradd --system alleyes && chown -R alleyes STATE_DIRECTORY, and start it as that user"
    if plan.gateway_user == ROOT:
        all_of_root = "the gateway would run as root: what else root runs would reach access points here unjudged"
        return [f"{all_of_root} -- {remedy}"]
    return [
        f"access point {point.name}: port {point.port} is served by user {plan.gateway_user}, as whom the gateway would"
        f" run: that user's other programs would reach it unjudged -- give the gateway one of its own: {remedy}"
        for point in plan.access_points
        if plan.gateway_user in listening.get(point.port, ())
    ]


def listening_users(files: Iterable[Path]) -> dict[int, frozenset[int]]:
    """Return who listens on which TCP port, on any address: user IDs by port.

    Args:
        files: of the form of /proc/net/tcp (proc_pid_net(5)); one that is missing, as without IPv6, counts as empty.
    """
    found: dict[int, set[int]] = {}
    for file in files:
        try:
            lines = file.read_text(encoding="ascii").splitlines()[1:]
        except FileNotFoundError:
            continue
        for line in lines:
            _, local, _, state, _, _, _, user, *_ = line.split()
            if state == LISTENING:
                found.setdefault(int(local.rpartition(":")[2], 16), set()).add(int(user))
    return {port: frozenset(users) for port, users in found.items()}


def _versions(plan: Plan) -> list[int]:
    return sorted({6 if ":" in redirect.address else 4 for redirect in plan.redirects})


def forwarding_problems(plan: Plan, parameters: Path) -> list[str]:
    """Return the IP versions of the plan that this machine does not route.

    Args:
        plan: what is to be installed.
        parameters: the directory of kernel parameters, /proc/sys.
    """
    problems = []
    for version in _versions(plan):
        path = FORWARDING[version]
        try:
            on = (parameters / path).read_text(encoding="ascii").strip() != "0"
        except OSError:
            problems.append(f"IPv{version} is not available on this machine -- remove its addresses, or switch it on")
            continue
        if not on:
            parameter = path.replace("/", ".")
            problems.append(
                f"IPv{version} forwarding is off, so access points can not call services -- sysctl -w {parameter}=1"
            )
    return problems
