"""Gathers what this machine and the access points know of the site's services: traffic, leases, neighbours, types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.access import Operation
from policy.verdict import Strength
from proxy.audit.layout import DIRECTORY as AUDIT_DIRECTORY
from proxy.audit.log import newest
from proxy.configuration import GatewayDocument
from proxy.firewall.neighbours import read_neighbours
from proxy.inventory.leases import Lease, LeaseFileError, read_leases
from proxy.knowledge_agent import StructureUnavailable, read_structure, services
from proxy.registry import service_of
from proxy.revocation import RevocationsInForce
from proxy.revocation_lists import RevocationListError, read_lists, revocation_files
from proxy.storage.address_store import AddressStore

MOST_RECORDS = 20_000
"""Of the audit log, the newest ones, that are looked through for what strangers do."""
STRANGER = "ip:"
"""How the address of a sender begins that nobody knows."""


@dataclass(frozen=True)
class Evidence:
    """What is known, by whom; addresses in their one spelling."""

    traffic: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Senders that each network address has carried."""
    writes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """By network address of a stranger, how often it wrote nodes of which service."""
    registered: Mapping[str, str] = field(default_factory=dict)
    """By network address of a stranger, as which type it registered last."""
    inferred: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """By network address of a stranger, which type was inferred for it last, and from what."""
    leases: Sequence[Lease] = ()
    neighbours: Mapping[str, str] = field(default_factory=dict)
    """Link address by network address, as the kernel sees them now."""
    types: Mapping[str, str] = field(default_factory=dict)
    """Type of each service that an access point knows."""
    asked: frozenset[str] = frozenset()
    """Agents whose services are known."""
    problems: Sequence[str] = ()
    """Evidence that could not be had, one line each."""

    @property
    def seen_at(self) -> dict[str, list[str]]:
        """Network addresses of each service that was known by its certificate or by the inventory."""
        found: dict[str, list[str]] = {}
        for ip, senders in self.traffic.items():
            for sender in senders:
                if not sender.startswith(STRANGER):
                    found.setdefault(sender, []).append(ip)
        return {sender: sorted(ips, key=_by_family) for sender, ips in sorted(found.items())}

    @property
    def strangers(self) -> list[str]:
        """Network addresses from which somebody called whom nobody knows."""
        found = (ip for ip, senders in self.traffic.items() if any(each.startswith(STRANGER) for each in senders))
        return sorted({*found, *self.writes, *self.registered}, key=_by_family)

    def leases_of(self, ip: str) -> list[Lease]:
        """Return the leases of a network address."""
        return [lease for lease in self.leases if lease.ip == ip]


def _by_family(ip: str) -> tuple[bool, str]:
    return ":" in ip, ip


def gather(document: GatewayDocument, lease_files: Iterable[Path], now: float) -> Evidence:
    """Gather everything. Blocks, for some ten seconds where an access point does not answer.

    Args:
        document: `gateway.yaml`.
        lease_files: Files of DHCP leases.
        now: Real time, seconds since the epoch.
    """
    problems: list[str] = []
    leases: list[Lease] = []
    for file in lease_files:
        try:
            leases += read_leases(file, now)
        except LeaseFileError as error:
            problems.append(str(error))
    types, asked = _types(document, problems)
    strangers = _strangers(document.state_directory / AUDIT_DIRECTORY, problems)
    return Evidence(
        traffic={
            ip: [address for last in seen.values() for address in last.addresses]
            for ip, seen in AddressStore(document.state_directory).load().items()
        },
        writes=strangers.writes,
        registered=strangers.registered,
        inferred=strangers.inferred,
        leases=leases,
        neighbours=_neighbours(problems),
        types=types,
        asked=asked,
        problems=problems,
    )


def _types(document: GatewayDocument, problems: list[str]) -> tuple[dict[str, str], frozenset[str]]:
    types: dict[str, str] = {}
    asked: set[str] = set()
    revocations = _revocations(document, problems)
    for point in document.access_points:
        if point.decoder != "vsl":
            continue  # nobody else tells of a structure
        try:
            structure = read_structure(point, document.tls, revocations)
        except StructureUnavailable as error:
            problems.append(f"access point: {error}")
            continue
        asked.add(point.agent)
        types.update(services(point.agent, structure))
    return types, frozenset(asked)


def _revocations(document: GatewayDocument, problems: list[str]) -> RevocationsInForce:
    try:
        return RevocationsInForce(read_lists(revocation_files(document)).revocations)
    except RevocationListError as error:
        problems += error.problems
    return RevocationsInForce()


def _neighbours(problems: list[str]) -> dict[str, str]:
    try:
        return read_neighbours()
    except OSError as error:
        problems.append(f"the kernel's neighbour table: {error.strerror}")
        return {}


@dataclass
class _Strangers:
    """What senders do whom nobody knows, by network address."""

    writes: dict[str, Counter[str]] = field(default_factory=dict)
    registered: dict[str, str] = field(default_factory=dict)
    inferred: dict[str, tuple[str, str]] = field(default_factory=dict)

    def note(self, sender: Mapping[str, Any], accesses: Sequence[Mapping[str, Any]]) -> None:
        """Take note of one call."""
        ip, service_type, why = str(sender.get("ip")), sender.get("service_type"), sender.get("inferred")
        if isinstance(service_type, str) and isinstance(why, str):
            self.inferred[ip] = service_type, why
        for access in accesses:
            _count(ip, access, self.writes, self.registered)


def _strangers(directory: Path, problems: list[str]) -> _Strangers:
    """Return what senders whom nobody knows wrote, as what they registered, and what was inferred of them."""
    found = _Strangers()
    try:
        records = newest(directory, MOST_RECORDS)
    except FileNotFoundError:
        return found
    except OSError as error:
        problems.append(f"{directory}: {error.strerror}; run it as the gateway's user, or as root")
        return found
    for record in records:
        sender = record.data.get("sender")
        if isinstance(sender, dict) and sender.get("strength") == Strength.UNKNOWN:
            found.note(sender, record.data.get("accesses", ()))
    return found


def _count(ip: str, access: Mapping[str, Any], writes: dict[str, Counter[str]], registered: dict[str, str]) -> None:
    match access.get("operation"):
        case Operation.SET:
            writes.setdefault(ip, Counter())[service_of(str(access.get("node")))] += 1
        case Operation.REGISTER if isinstance(access.get("data_type"), str):
            registered[ip] = str(access["data_type"])
