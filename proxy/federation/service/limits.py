"""How much is worked on at a time, and how much of it for one caller.

Callers without a certificate are counted apart, by their address: whatever they do takes nothing from members.
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address

from proxy.federation.configuration import ServiceLimits
from proxy.federation.service.problem import too_many, unavailable

WORK = 4096
"""Bytes of a contribution, or of other numbers, that are read and added up with the work of one usual request."""
MOST_TOLD_APART = 200_000
"""Callers whose rate is remembered; beyond, the one that was silent longest is forgotten. Some 20 MB."""


def neighbourhood(address: str | None) -> str:
    """Return what an address shares with all that may be one machine with it: itself, or its IPv6 /64."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return ""
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return f"{IPv6Address(int(found) >> 64 << 64)}/64"


@dataclass
class Rates:
    """A token bucket for each caller (RFC 2697 calls it committed rate and burst)."""

    per_second: float
    burst: int
    _buckets: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)
    """By caller: what is left, and when that was so (monotonic time, s); who was silent longest comes first."""

    def take(self, caller: str, now: float) -> None:
        """Count a request at monotonic time `now`.

        Raises:
            Failure: the caller has had its share (429), and is told when there will be another one.
        """
        left, since = self._buckets.pop(caller, (float(self.burst), now))
        left = min(float(self.burst), left + max(0.0, now - since) * self.per_second)
        granted = left >= 1
        self._buckets[caller] = (left - 1 if granted else left, now)
        if len(self._buckets) > MOST_TOLD_APART:
            self._buckets.popitem(last=False)
        if not granted:
            seconds = math.ceil((1 - left) / self.per_second)
            raise too_many("rate", f"at most {self.per_second:g} requests a second", max(1, seconds))

    def charge(self, caller: str, size: int, now: float) -> None:
        """Count the work that so many bytes make, beyond that of the request itself, which has been counted.

        It is done none the less: whoever sends a lot waits for longer until the next request.
        """
        if more := size // WORK:
            left, since = self._buckets.get(caller, (float(self.burst), now))
            self._buckets[caller] = (left - more, since)


class Slots:
    """Requests that are worked on, and requests that wait for a change; they count as one or the other."""

    def __init__(self, limits: ServiceLimits) -> None:
        self._limits = limits
        self._waiting_of: Counter[str] = Counter()
        self.working = 0
        self.visiting = 0
        """Requests of strangers that are worked on."""
        self.waiting = 0

    @contextmanager
    def visit(self) -> Iterator[None]:
        """Take a place among those of callers without a certificate.

        Raises:
            Failure: there is none (503).
        """
        most = self._limits.strangers.requests
        if self.visiting >= most:
            raise unavailable("busy", f"{most} requests without a certificate are worked on at a time", 1)
        self.visiting += 1
        try:
            yield
        finally:
            self.visiting -= 1

    @contextmanager
    def work(self) -> Iterator[None]:
        """Take a place among those that are worked on.

        Raises:
            Failure: there is none (503).
        """
        self.take()
        try:
            yield
        finally:
            self.give_back()

    def take(self) -> None:
        """Begin as `work` does, which costs more: `give_back` has to follow.

        Raises:
            Failure: there is no place (503).
        """
        if self.working >= self._limits.requests:
            raise unavailable("busy", f"{self._limits.requests} requests are worked on at a time", 1)
        self.working += 1

    def give_back(self) -> None:
        """End what `take` began."""
        self.working -= 1

    @contextmanager
    def wait(self, origin: str) -> Iterator[None]:
        """Give that place up for one among those that wait.

        Raises:
            Failure: there is none: of this origin (429), or at all (503).
        """
        if self._waiting_of[origin] >= self._limits.waiting_per_origin:
            most = self._limits.waiting_per_origin
            raise too_many("waiting", f"at most {most} requests of an origin wait for a change at a time", 5)
        if self.waiting >= self._limits.waiting:
            raise unavailable("busy", f"{self._limits.waiting} requests wait for a change at a time", 10)
        self._waiting_of[origin] += 1
        self.waiting += 1
        self.working -= 1
        try:
            yield
        finally:
            self.working += 1
            self.waiting -= 1
            self._waiting_of[origin] -= 1
            if not self._waiting_of[origin]:
                del self._waiting_of[origin]
