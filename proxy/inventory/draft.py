"""Drafts `inventory.yaml` from evidence: what is certain as settings, what is a guess as comments, each with why.

A line that identifies somebody lets whoever has that address act as that service, and a link address lets the kernel
drop everybody else. Neither may follow from what a stranger does or calls itself, so a human uncomments those. Likewise
where a key was shown that the present inventory pins to other addresses: it may be stolen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from policy.inferred import PREFIX
from policy.printable import printable
from proxy.configuration import GatewayDocument, InventoryDocument, TlsMode
from proxy.inventory.evidence import Evidence
from proxy.registry import SiteRegistry, agent_of

_PLAIN_SCALAR = re.compile(r"[A-Za-z0-9/._-]+")
_LISTABLE = re.compile(r"/[A-Za-z0-9._:-]+/(?:[A-Za-z0-9._:-]|%[0-9A-F]{2})+")
"""As `ServiceAddress` of the configuration."""
_GUESSES = 3


def draft(
    evidence: Evidence,
    document: GatewayDocument,
    present: InventoryDocument | None = None,
    *,
    pinning: InventoryDocument | None = None,
) -> str:
    """Return the text of an inventory.

    Args:
        evidence: What is known.
        document: `gateway.yaml`.
        present: The inventory that there is, to draft only what it lacks; None drafts a whole one.
        pinning: The inventory whose `only_here` counts, by default the present one.
    """
    known = _Known(present or InventoryDocument())
    seen, misplaced = _by_pins(evidence.seen_at, pinning or present or InventoryDocument())
    entries = [*_identified(evidence, known, seen), *_additions(evidence, known, seen)]
    strangers = list(_strangers(evidence, document, known))
    lines = [*_heading(evidence, present)]
    lines += ["services:", *entries] if entries else ["services: []"]
    if misplaced:
        lines += ["", *_MISPLACED, *_elsewhere(evidence, misplaced)]
    if strangers:
        lines += ["", *_STRANGERS, *strangers]
    if present is None:
        lines += ["", "# Addresses that must never be quarantined: router, name server, operators.", "protected: []"]
    return "\n".join(lines) + "\n"


class _Known:
    """What the present inventory says."""

    def __init__(self, present: InventoryDocument) -> None:
        self.places = {each.address: {str(place.ip) for place in each.places} for each in present.services}
        self.ips = {ip for places in self.places.values() for ip in places}


_STRANGERS = [
    "# Nobody knows who calls from these addresses. Uncomment what you know to be true: whoever has the address then",
    "# acts as that service, and whoever has it with another mac is dropped. What a device writes, or calls itself,",
    "# proves nothing.",
]


_MISPLACED = [
    "# `only_here` pins these services to other addresses, but their certificates were shown from here. Uncomment what",
    "# you know to have moved; otherwise somebody else has the key: revoke the certificate.",
]


def _by_pins(
    seen: Mapping[str, Sequence[str]], pinning: InventoryDocument
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return where each service was seen: first as far as its key may be used there, then where it may not."""
    registry = SiteRegistry(pinning, frozenset())
    usable: dict[str, list[str]] = {}
    misplaced: dict[str, list[str]] = {}
    for address, ips in seen.items():
        pinned = registry.whereabouts(address)
        for ip in ips:
            found = misplaced if pinned.only_here and ip not in pinned.ips else usable
            found.setdefault(address, []).append(ip)
    return usable, misplaced


def _elsewhere(evidence: Evidence, misplaced: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for address, ips in misplaced.items():
        yield f"#  - address: {_scalar(address)}"
        yield "#    addresses:"
        for ip in ips:
            yield f"#      - ip: {_scalar(ip)} # traffic{_lease_note(evidence, ip)}{_sharing(evidence, ip)}"
            yield from (f"#        # {line}" for line in _macs(evidence, ip))


def _heading(evidence: Evidence, present: InventoryDocument | None) -> Iterator[str]:
    new = "What is new against the present inventory" if present is not None else "An inventory"
    asked = f"the services of {', '.join(sorted(evidence.asked))}" if evidence.asked else "no access point"
    yield f"# {new}, drafted by `alleyes inventory discover`. Review every line."
    yield (
        f"# Evidence: {len(evidence.traffic)} network addresses in traffic, {len(evidence.leases)} leases,"
        f" {len(evidence.neighbours)} neighbours, {asked}."
    )
    for problem in evidence.problems:
        yield f"# Missing evidence: {' '.join(problem.split())}"
    yield "# `location`: any name of the room or zone; only whether two are equal counts."


def _identified(evidence: Evidence, known: _Known, seen: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield an entry for each service that the inventory lacks, and that traffic or an access point shows."""
    for address in filter(_LISTABLE.fullmatch, sorted({*seen, *evidence.types} - known.places.keys())):
        sources = []
        if address in seen:
            sources.append("in traffic")
        if address in evidence.types:
            sources.append(f"{agent_of(address)} knows it as {evidence.types[address]}")
        yield f"  - address: {_scalar(address)} # {'; '.join(sources)}"
        yield "    # location: kitchen"
        yield from _places(evidence, [ip for ip in seen.get(address, []) if "%" not in ip])


def _places(evidence: Evidence, ips: Sequence[str]) -> Iterator[str]:
    for number, ip in enumerate(ips):
        if number == 0:
            yield f"    ip: {_scalar(ip)} # traffic{_lease_note(evidence, ip)}{_sharing(evidence, ip)}"
            yield from (f"    # {line}" for line in _macs(evidence, ip))
            continue
        if number == 1:
            yield "    addresses:"
        yield f"      - ip: {_scalar(ip)} # traffic{_lease_note(evidence, ip)}{_sharing(evidence, ip)}"
        yield from (f"        # {line}" for line in _macs(evidence, ip))


def _additions(evidence: Evidence, known: _Known, seen: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield the network addresses that inventoried services have beside those that the inventory has for them."""
    for address, ips in seen.items():
        places = known.places.get(address)
        new = [ip for ip in ips if places and ip not in places and "%" not in ip]
        if new:
            yield f"  - address: {_scalar(address)} # inventoried at {', '.join(sorted(places or ()))}; add this to it"
            yield "    addresses:"
            for ip in new:
                yield f"      - ip: {_scalar(ip)} # traffic{_lease_note(evidence, ip)}{_sharing(evidence, ip)}"
                yield from (f"        # {line}" for line in _macs(evidence, ip))


def _strangers(evidence: Evidence, document: GatewayDocument, known: _Known) -> Iterator[str]:
    plain = {point.agent for point in document.access_points if point.tls is TlsMode.PLAIN}
    for ip in evidence.strangers:
        if ip in known.ips or "%" in ip:
            continue
        guesses = _guesses(evidence, ip, plain) or [("/AGENT/SERVICE", "nothing tells which service it is")]
        (address, why), *others = guesses[:_GUESSES]
        yield f"#  - address: {address} # {why}"
        yield from (f"#    # or {other}: {reason}" for other, reason in others)
        if ip in evidence.registered and address not in evidence.types:
            yield f"#    service_type: {_scalar(evidence.registered[ip])} # it registered as that"
        elif ip in evidence.inferred and address not in evidence.types:
            service_type, reason = evidence.inferred[ip]
            name = f"/{service_type.removeprefix(PREFIX).lstrip('/')}"
            yield f"#    service_type: {_scalar(name)} # inferred from {printable(reason)}"
        yield f"#    ip: {_scalar(ip)} # traffic{_lease_note(evidence, ip)}"
        yield from (f"#    {line}" for line in _macs(evidence, ip))


def _guesses(evidence: Evidence, ip: str, plain: set[str]) -> list[tuple[str, str]]:
    """Return services that a stranger may be, the best guess first, each with the reason."""
    found: dict[str, list[str]] = {}
    names = {lease.name.lower() for lease in evidence.leases_of(ip) if lease.name}
    for address in evidence.types:
        if agent_of(address) in plain and address.rpartition("/")[2].lower() in names:
            found.setdefault(address, []).append("its lease has that name")
    for address, times in sorted(evidence.writes.get(ip, {}).items(), key=lambda each: -each[1]):
        if agent_of(address) in plain and _LISTABLE.fullmatch(address):
            found.setdefault(address, []).append(f"it wrote there {times} times")
    ordered = sorted(found.items(), key=lambda each: -len(each[1]))
    return [(address, f"a guess: {' and '.join(reasons)}") for address, reasons in ordered]


def _sharing(evidence: Evidence, ip: str) -> str:
    others = len(evidence.traffic.get(ip, ())) - 1
    return f"; {others} other senders share it" if others > 0 else ""


def _lease_note(evidence: Evidence, ip: str) -> str:
    names = [lease.name for lease in evidence.leases_of(ip) if lease.name]
    return f"; leased to {names[-1]!r}" if names else ""


def _macs(evidence: Evidence, ip: str) -> Iterator[str]:
    """Yield a line with the link address as the gateway sees it; a lease's may be that of a device further away."""
    seen = evidence.neighbours.get(ip)
    leased = next((lease for lease in evidence.leases_of(ip) if lease.mac is not None), None)
    if seen is None:
        if leased is not None:
            yield f"mac: {leased.mac} # lease in {leased.file}; the gateway does not see it now: behind a router?"
        return
    if leased is None:
        yield f"mac: {seen} # neighbour table"
    elif leased.mac == seen:
        yield f"mac: {seen} # neighbour table and lease"
    else:
        yield f"mac: {seen} # neighbour table; the lease says {leased.mac}: behind a router, or changed"


def _scalar(text: str) -> str:
    return text if _PLAIN_SCALAR.fullmatch(text) else json.dumps(text)
