"""What the kernel is to enforce around the gateway: validated values, fit to be sent between processes."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import pairwise
from math import isfinite
from typing import Literal

import msgspec

INTERFACE = re.compile(r"[A-Za-z0-9_.:@+-]{1,15}")
NAME = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
LAST_PORT = 65535
MOST_WORKERS = 64
LAST_SEED = 2**32 - 1
MOST_PER_SECOND = 1_000_000
MOST_BINDINGS = 1024
"""Most senders bound to a link address: more would not fit one transaction inside a user namespace."""
MOST_QUARANTINED = 1 << 20
ROOT = 0
LAST_USER = 2**32 - 2
LOOPBACK_IPV4, LOOPBACK_IPV6 = "127.0.0.1", "::1"
SENDER_PREFIX = 64
"""Bits of an IPv6 address that a device can not choose: it has all addresses behind them."""
QUARANTINE_SIZE = 131_072
"""The kernel takes memory for senders that are in a set, about a hundred bytes each, not for its size."""


class PlanError(ValueError):
    """A value that can not be put into a rule; the text names it and says what is wanted."""


def canonical_ip(text: str) -> str:
    """Return an address in its one spelling; an IPv4-mapped IPv6 address is the IPv4 address.

    Raises:
        PlanError: when it is none, or has a zone.
    """
    try:
        address = ip_address(text)
    except ValueError:
        message = f"{text!r} is not an IP address"
        raise PlanError(message) from None
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            message = f"{text!r} has a zone; give the address alone"
            raise PlanError(message)
        address = address.ipv4_mapped or address
    return str(address)


def canonical_network(text: str) -> str:
    """Return an IPv6 /64 in its one spelling.

    Raises:
        PlanError: when it is none.
    """
    try:
        network = IPv6Network(text)
    except ValueError:
        message = f"{text!r} is not an IP address, nor an IPv6 network"
        raise PlanError(message) from None
    if network.prefixlen != SENDER_PREFIX:
        message = f"{text!r}: a sender has a /{SENDER_PREFIX}, not more and not less"
        raise PlanError(message)
    return str(network)


def network_of(ip: str) -> str:
    """Return the /64 of an IPv6 address."""
    return str(IPv6Network((ip, SENDER_PREFIX), strict=False))


def canonical_mac(text: str) -> str:
    """Return a link address in lower case with colons.

    Raises:
        PlanError: when it is none.
    """
    mac = text.lower().replace("-", ":")
    if not MAC.fullmatch(mac):
        message = f"{text!r} is not a link address such as 02:00:5e:00:53:01"
        raise PlanError(message)
    return mac


def _family_checked(text: str | None, family: type[IPv4Address | IPv6Address], what: str) -> str | None:
    if text is None:
        return None
    address = canonical_ip(text)
    if not isinstance(ip_address(address), family):
        message = f"{what}: {text!r} is not an {family.__name__.removesuffix('Address')} address"
        raise PlanError(message)
    return address


def _port_checked(port: int, what: str) -> None:
    if not 1 <= port <= LAST_PORT:
        message = f"{what}: port {port} is outside 1 to {LAST_PORT}"
        raise PlanError(message)


def _in_range(what: str, number: int, most: int) -> None:
    if not 1 <= number <= most:
        message = f"{what}: {number} is outside 1 to {most}"
        raise PlanError(message)


class Redirect(msgspec.Struct, frozen=True):
    """One address of an access point: what is called, and where the call really goes."""

    address: str
    port: int
    listener: str
    listener_port: int
    """Port of the first worker."""


class AccessPoint(msgspec.Struct, frozen=True, kw_only=True):
    """An access point that the gateway stands in front of, and the listener that takes its calls."""

    name: str
    port: int
    """The port that services call."""
    listener_port: int
    """Port of the first worker; the others follow it."""
    ipv4: str | None = None
    ipv6: str | None = None
    listener_ipv4: str | None = None
    """Where calls to `ipv4` go; needed if that is given. The exact address the proxy listens on."""
    listener_ipv6: str | None = None
    certificates: bool = False
    """Whether whoever calls has to show a certificate; where not, less may be all that is known of a sender."""
    loopback: bool = False
    """Whether programs of this machine call it by the loopback's address as well, where it has the family."""

    def __post_init__(self) -> None:
        """Check every value; none reaches a rule unchecked, from a file or from another process."""
        if not NAME.fullmatch(self.name):
            message = f"access point name {self.name!r}: up to 64 letters, digits, dots, colons, hyphens, underscores"
            raise PlanError(message)
        _port_checked(self.port, self.name)
        _port_checked(self.listener_port, self.name)
        for field, family in (("ipv4", IPv4Address), ("ipv6", IPv6Address)):
            for name in (field, f"listener_{field}"):
                msgspec.structs.force_setattr(self, name, _family_checked(getattr(self, name), family, self.name))
        if self.ipv4 is None and self.ipv6 is None:
            message = f"{self.name}: neither an IPv4 nor an IPv6 address"
            raise PlanError(message)
        for address, listener in ((self.ipv4, self.listener_ipv4), (self.ipv6, self.listener_ipv6)):
            if address is not None and listener is None:
                message = f"{self.name}: no listener address for {address}"
                raise PlanError(message)

    @property
    def redirects(self) -> tuple[Redirect, ...]:
        """The ends at which it is called, IPv4 first."""
        families = ((self.ipv4, self.listener_ipv4, LOOPBACK_IPV4), (self.ipv6, self.listener_ipv6, LOOPBACK_IPV6))
        return tuple(
            Redirect(called, self.port, listener, self.listener_port)
            for address, listener, loopback in families
            if address is not None and listener is not None
            for called in dict.fromkeys((address, loopback) if self.loopback else (address,))
        )

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its addresses, IPv4 first; with those of the loopback, if programs call it by them."""
        return tuple(redirect.address for redirect in self.redirects)


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """A network address that only the sender with this link address has."""

    ip: str
    mac: str

    def __post_init__(self) -> None:
        """Put both addresses into their one spelling.

        Raises:
            PlanError: when one is none.
        """
        msgspec.structs.force_setattr(self, "ip", canonical_ip(self.ip))
        msgspec.structs.force_setattr(self, "mac", canonical_mac(self.mac))


class SenderLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What one sender may do to the proxy before the kernel stops it, whatever it says."""

    packets_per_second: int = 5000
    new_connections_per_second: int = 200
    connections: int = 512
    """At a time."""

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            PlanError: naming the one that is no limit.
        """
        for field in self.__struct_fields__:
            _in_range(field, getattr(self, field), MOST_PER_SECOND)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the table is made of, apart from who is in quarantine."""

    access_points: tuple[AccessPoint, ...]
    service_interfaces: tuple[str, ...] = ()
    """Where services' calls arrive; empty: anywhere."""
    access_interfaces: tuple[str, ...] = ()
    """Where the access points are. Their addresses are taken for spoofed when they arrive from the services."""
    bridge: str | None = None
    """The bridge that all those interfaces are ports of; None: the gateway routes between them."""
    gateway_user: int | None = None
    """Given: the access points are on this machine, and only what this user's programs send, the gateway's, reaches
    them. Root has others as well, so nothing does then. None: the access points are elsewhere."""
    reachable: tuple[str, ...] = ()
    """Networks behind `access_interfaces` that services may reach directly; never an access point."""
    protected: tuple[str, ...] = ()
    """Addresses and networks that can never be quarantined: router, name servers, federation, operators."""
    bindings: tuple[Binding, ...] = ()
    """Senders on the services' side whose addresses belong together; others with such a network address are dropped."""
    limits: SenderLimits = SenderLimits()
    fail_mode: Literal["closed", "open"] = "closed"
    """Closed: the guards hold whatever dies. Open: they hold for the senders of workers that are known to live."""
    workers: int = 1
    """Worker k, from 0 on, listens k ports above each `listener_port`."""
    seed: int = 1
    """Of the hash that gives each sender its worker; the same seed, the same worker. With 0 the kernel would choose."""
    quarantine_size: int = QUARANTINE_SIZE
    """Most senders in one quarantine set."""

    def __post_init__(self) -> None:
        """Check names, networks, numbers and that no two listeners are the same.

        Raises:
            PlanError: naming the value.
        """
        if self.bridge is not None and not (self.service_interfaces and self.access_interfaces):
            message = f"bridge {self.bridge}: it is not said which of its ports lead to services and to access points"
            raise PlanError(message)
        for name in (*self.service_interfaces, *self.access_interfaces, *filter(None, [self.bridge])):
            if not INTERFACE.fullmatch(name):
                message = f"interface name {name!r}: up to 15 letters, digits and _ . : @ + -"
                raise PlanError(message)
        self._check_user()
        for field in ("protected", "reachable"):
            networks = tuple(str(_network(text, field)) for text in getattr(self, field))
            msgspec.structs.force_setattr(self, field, networks)
        _in_range("quarantine_size", self.quarantine_size, MOST_QUARANTINED)
        _in_range("workers", self.workers, MOST_WORKERS)
        _in_range("seed", self.seed, LAST_SEED)
        if len(self.bindings) > MOST_BINDINGS:
            message = f"{len(self.bindings)} senders are bound to a link address; at most {MOST_BINDINGS} can be"
            raise PlanError(message)
        bound = [binding.ip for binding in self.bindings]
        if twice_bound := sorted({ip for ip in bound if bound.count(ip) > 1}):
            message = f"{', '.join(twice_bound)}: bound to two link addresses"
            raise PlanError(message)
        called = [(redirect.address, redirect.port) for redirect in self.redirects]
        if twice := sorted({end for end in called if called.count(end) > 1}):
            message = f"two access points share {', '.join(f'{address} port {port}' for address, port in twice)}"
            raise PlanError(message)
        self._check_listeners()

    def _check_user(self) -> None:
        if self.gateway_user is None:
            return
        if not ROOT <= self.gateway_user <= LAST_USER:
            message = f"gateway_user: {self.gateway_user} is no user ID"
            raise PlanError(message)
        if self.service_interfaces or self.access_interfaces or self.reachable:
            message = "access points on this machine have no interfaces of their own, and no networks behind those"
            raise PlanError(message)
        own = {port for redirect in self.redirects for port in self.listener_ports(redirect)}
        if both := sorted(own & set(self.called_ports)):
            message = f"port {both[0]} is an access point's, so the gateway can not listen on it"
            raise PlanError(message)

    def _check_listeners(self) -> None:
        # An access point that is called at several addresses has one listener for them.
        every = {
            (point.name, redirect.listener, redirect.listener_port)
            for point in self.access_points
            for redirect in point.redirects
        }
        ends = sorted((address, port) for _, address, port in every)
        for address, port in ends:
            _port_checked(port + self.workers - 1, f"the last of {self.workers} workers at {address} from {port} on")
        for (address, port), (other, next_port) in pairwise(ends):
            if address == other and next_port < port + self.workers:
                shared = f"{address} port {next_port}"
                remedy = f"leave {self.workers} ports to each access point, one for each worker"
                message = f"two listeners share {shared}" + (f"; {remedy}" if self.workers > 1 else "")
                raise PlanError(message)

    @property
    def redirects(self) -> tuple[Redirect, ...]:
        """The redirects of all access points."""
        return tuple(redirect for point in self.access_points for redirect in point.redirects)

    @property
    def called_ports(self) -> tuple[int, ...]:
        """The ports at which access points are called, each once."""
        return tuple(sorted({point.port for point in self.access_points}))

    def listener_ports(self, redirect: Redirect) -> range:
        """Return the ports of a redirect, the first worker's first."""
        return range(redirect.listener_port, redirect.listener_port + self.workers)

    def protection_of(self, ip: str) -> str | None:
        """Return why an address can not be quarantined, or None."""
        for point in self.access_points:
            if ip in point.addresses:
                return f"it is the access point {point.name}"
        if any(ip == redirect.listener for redirect in self.redirects):
            return "the gateway listens on it"
        if "/" in ip:
            return self._protection_of_network(ip_network(ip))
        address = ip_address(ip)
        if address.is_loopback or address.is_multicast or address.is_unspecified:
            return "no single sender has it"
        for text in self.protected:
            if address in ip_network(text):
                return f"the configuration protects {text}"
        return None

    def _protection_of_network(self, network: IPv4Network | IPv6Network) -> str | None:
        for redirect in self.redirects:
            for address in (redirect.address, redirect.listener):
                if ip_address(address) in network:
                    return f"{address} is in it"
        for text in self.protected:
            if network.overlaps(ip_network(text)):
                return f"the configuration protects {text}"
        return None


def _network(text: str, field: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text if "/" in text else canonical_ip(text), strict=False)
    except ValueError:
        message = f"{field}: {text!r} is neither an address nor a network"
        raise PlanError(message) from None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One quarantined sender, as the kernel tells senders apart."""

    ip: str
    """An address; or, for what is behind a router, an IPv6 /64."""
    mac: str | None = None
    """Given: only packets with both, on the link; of IPv6 any address of the /64. None: whatever has the address."""
    until: float | None = None
    """Real time in seconds since the epoch at which the kernel lets it through again; None: until released."""

    def __post_init__(self) -> None:
        """Put both addresses into their one spelling.

        Raises:
            PlanError: when one is none, or `until` is no moment.
        """
        if self.until is not None and not isfinite(self.until):
            message = f"{self.ip}: a quarantine that ends at {self.until}; leave the end away for one without"
            raise PlanError(message)
        canonical = canonical_ip if "/" not in self.ip else canonical_network
        msgspec.structs.force_setattr(self, "ip", canonical(self.ip))
        if self.mac is not None:
            msgspec.structs.force_setattr(self, "mac", canonical_mac(self.mac))

    @property
    def key(self) -> tuple[str, str | None]:
        """What the kernel tells it by: two entries with the same key are one there."""
        if self.mac is not None and ":" in self.ip:
            return network_of(self.ip.partition("/")[0]).partition("/")[0], self.mac
        return self.ip, self.mac
