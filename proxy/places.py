"""What the kernel can drop of a sender: its address with its link address, of IPv6 all of its /64."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from proxy.firewall.addresses import own_addresses
from proxy.firewall.neighbours import read_neighbours
from proxy.firewall.plan import network_of

_FRESH_SECONDS = 1.0


class Place(NamedTuple):
    """What is dropped: the form of `proxy.firewall.plan.Entry`."""

    ip: str
    """An address; or an IPv6 /64 behind a router."""
    mac: str | None
    """Given: packets with both, of IPv6 with any address of the /64."""


def bare(ip: str) -> str:
    """Return an address without its zone, which is of no account: the link address says which link."""
    return ip.partition("%")[0]


def neighbourhood(ip: str) -> str:
    """Return what an address shares with all that may be one device with it: itself, or its IPv6 /64."""
    return network_of(bare(ip)) if ":" in ip else ip


def place_of(ip: str, link: str | None, own: Iterable[str]) -> Place:
    """Return what is to be dropped of the sender at an address.

    Args:
        ip: its network address.
        link: its link address, if that is known.
        own: this machine's addresses. Where one is in the /64 of the sender, so are all others on the link: without
            its link address the sender is told by the whole address then.
    """
    ip = bare(ip)
    if ":" not in ip or link is not None or ip.startswith("fe80:"):
        return Place(ip, link)
    network = network_of(ip)
    on_link = any(":" in each and network_of(bare(each)) == network for each in own)
    return Place(ip if on_link else network, None)


@dataclass
class Places:
    """Places by what this machine knows of its neighbours. For one thread."""

    neighbours: Callable[[], Mapping[str, str]] = read_neighbours
    own: Callable[[], Iterable[str]] = own_addresses
    monotonic: Callable[[], float] = time.monotonic
    _known: Mapping[str, str] = field(default_factory=dict)
    _until: float = -math.inf

    @property
    def due(self) -> bool:
        """Whether the kernel is asked with the next question."""
        return self.monotonic() >= self._until

    def renew(self) -> None:
        """Ask the kernel with the next question, however short ago that was; not for what senders do at will."""
        self._until = -math.inf

    def of(self, ip: str) -> Place:
        """Return what the kernel would drop of the sender at an address: less where it does not say what it knows."""
        link = self.link(ip)
        try:
            return place_of(ip, link, self.own() if link is None and ":" in ip else ())
        except OSError:
            return Place(bare(ip), link)

    def link(self, ip: str) -> str | None:
        """Return the link address behind an address; None where it is not known, ambiguous, or beyond a router.

        The kernel is asked once a second at most, whoever is looked for: each time it tells of all its neighbours.
        """
        if self.due:
            self._until = self.monotonic() + _FRESH_SECONDS
            try:
                self._known = self.neighbours()
            except OSError:
                self._known = {}
        return self._known.get(bare(ip))
