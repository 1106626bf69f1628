"""Who has been behind which network address lately: what decides whether the kernel may drop an address."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from proxy.configuration import InventoryDocument
from proxy.places import Place, neighbourhood
from proxy.storage.address_store import Seen

REMEMBERED_SECONDS = 86_400.0
"""Whoever was not seen at an address for so long has left it: addresses are leased, and services call every minutes."""
MOST_ADDRESSES = 65_536
MOST_NAMES = 8
"""Service addresses that are remembered of one identity: the same certificate at several access points."""
MOST_OF_ONE = 1024
"""Addresses that are remembered of one identity, or of a /64 where nobody is known: whoever has one and calls from
one address after the other must not push others out; the kernel may drop an address at which nobody is remembered."""
MOST_AT_ONE = 64
"""Identities that are remembered of one address; with more than one it is shared anyway."""


class Carriers:
    """Identities by network address, with the real time (s) at which each was seen last. For one thread."""

    def __init__(self, inventory: Mapping[str, frozenset[str]] | None = None) -> None:
        """Begin with nobody seen.

        Args:
            inventory: services by the addresses that the inventory has for them; they count as seen there, always.
        """
        self._inventory = dict(inventory or {})
        self._seen: OrderedDict[str, dict[str, Seen]] = OrderedDict()
        self._links: dict[str, str] = {}
        self._of: dict[str, OrderedDict[tuple[str, str], None]] = {}
        """Addresses and identities by what is capped together, the longest unseen first."""
        self._near: dict[str, set[str]] = {}
        """Addresses by neighbourhood, where that is not the address itself."""
        for ip in self._inventory:
            self._gather(ip)

    def see(self, ip: str, identity: str, now: float, *, address: str, link: str | None = None) -> None:
        """Note that somebody is at a network address; the longest unseen one is forgotten first.

        Args:
            ip: the network address.
            identity: who it is.
            now: real time, seconds since the epoch.
            address: what the access point knows it by.
            link: its link address, where that is known.
        """
        seen = self._seen.setdefault(ip, {})
        self._seen.move_to_end(ip)
        before = seen.pop(identity, None)
        known = () if before is None else before.addresses
        seen[identity] = Seen(now, known if address in known else (*known, address)[-MOST_NAMES:])
        of_one = self._of.setdefault(_one(ip, identity), OrderedDict())
        of_one[ip, identity] = None
        of_one.move_to_end((ip, identity))
        if link is not None:
            self._links[ip] = link
        self._gather(ip)
        if len(seen) > MOST_AT_ONE:
            self._leave(ip, next(iter(seen)))
        if len(of_one) > MOST_OF_ONE:
            self._leave(*next(iter(of_one)))
        if len(self._seen) > MOST_ADDRESSES:
            self._forget(next(iter(self._seen)))

    def link(self, ip: str, link: str) -> None:
        """Note the link address behind an address at which somebody was seen before that was known."""
        if ip in self._seen:
            self._links[ip] = link

    def at(self, ip: str, now: float) -> frozenset[str]:
        """Return who is at an address: identities, and services of the inventory by their address."""
        seen = {each for each, last in self._seen.get(ip, {}).items() if now - last.when < REMEMBERED_SECONDS}
        return self._inventory.get(ip, frozenset()) | seen

    def behind(self, place: Place, now: float) -> frozenset[str]:
        """Return whom the kernel would drop with a place. An address whose link is not known may be any device's."""
        if ":" not in place.ip or (place.mac is None and "/" not in place.ip):
            return self.at(place.ip, now)
        near = place.ip if "/" in place.ip else neighbourhood(place.ip)
        links = {None, place.mac}
        told = (ip for ip in self._near.get(near, ()) if place.mac is None or self._links.get(ip) in links)
        return frozenset(identity for ip in told for identity in self.at(ip, now))

    def latest(self, identity: str) -> str | None:
        """Return the address at which somebody was seen last who is known by more than that."""
        found = [(self._seen[ip][identity].when, ip) for ip, _ in self._of.get(identity, ())]
        return max(found)[1] if found else None

    def dump(self) -> dict[str, dict[str, Seen]]:
        """Return all that was seen, the longest unseen address first."""
        return {ip: dict(seen) for ip, seen in self._seen.items()}

    def load(self, stored: Mapping[str, Mapping[str, Seen]]) -> None:
        """Take back what was dumped."""
        for ip, seen in stored.items():
            for identity, last in seen.items():
                for address in last.addresses:
                    self.see(ip, identity, last.when, address=address)

    def _gather(self, ip: str) -> None:
        if ":" in ip:
            self._near.setdefault(neighbourhood(ip), set()).add(ip)

    def _forget(self, ip: str) -> None:
        for identity in tuple(self._seen[ip]):
            self._leave(ip, identity)

    def _leave(self, ip: str, identity: str) -> None:
        """Forget that somebody was at an address, and with the last one the address."""
        one = _one(ip, identity)
        del self._of[one][ip, identity]
        if not self._of[one]:
            del self._of[one]
        del self._seen[ip][identity]
        if self._seen[ip]:
            return
        del self._seen[ip]
        self._links.pop(ip, None)
        if ":" in ip and ip not in self._inventory:
            near = neighbourhood(ip)
            self._near[near].discard(ip)
            if not self._near[near]:
                del self._near[near]


def _one(ip: str, identity: str) -> str:
    """Return what addresses are capped by: strangers have an identity for each address, and all those of a /64."""
    return f"ip:{neighbourhood(ip)}" if identity.startswith("ip:") else identity


def inventoried(inventory: InventoryDocument) -> dict[str, frozenset[str]]:
    """Return the services of an inventory by their network addresses."""
    found: dict[str, set[str]] = {}
    for service in inventory.services:
        for place in service.places:
            found.setdefault(str(place.ip), set()).add(service.address)
    return {ip: frozenset(services) for ip, services in found.items()}
