"""Who may have a connection: members up to the cap of all, strangers a part of it, and of that each address a part.

Everybody is a stranger until the TLS handshake showed a certificate. So members need a stranger's seat for a moment;
where all are taken the stranger that has had one longest makes room, unless that is the moment a handshake takes.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from proxy.federation.configuration import ServiceLimits
from proxy.federation.service.limits import neighbourhood

MOMENT = 2.0
"""Seconds that a stranger has before it has to make room: a handshake over a slow network."""


@dataclass(eq=False, slots=True)
class Seat:
    """What one connection takes."""

    holder: str
    """Its address, all of its /64 where it is IPv6; of a member its name."""
    since: float
    """Time, s."""
    leave: Callable[[], None]
    """Ends the connection."""
    stranger: bool = True


class Seats:
    """All seats. Work per connection does not grow with their number, but with those of one address."""

    def __init__(self, limits: ServiceLimits) -> None:
        """Keep the limits, in proportion."""
        self._strangers_most = min(limits.strangers.connections, limits.connections // 4)
        self._of_address_most = min(limits.strangers.connections_per_address, self._strangers_most // 2)
        self._members_most = limits.connections - self._strangers_most
        self._of_member_most = limits.connections_per_origin
        self._strangers: OrderedDict[Seat, None] = OrderedDict()
        """Who has been there longest comes first."""
        self._of_address: dict[str, OrderedDict[Seat, None]] = {}
        """The same, by address."""
        self._of_member: Counter[str] = Counter()
        self.members = 0

    @property
    def strangers(self) -> int:
        """How many have not shown a certificate."""
        return len(self._strangers)

    def arrive(self, address: str, now: float, leave: Callable[[], None]) -> Seat | None:
        """Give a seat to a connection that was accepted; None if there is none for it.

        Args:
            address: Whose it is.
            now: Time, s.
            leave: Ends it.
        """
        seat = Seat(neighbourhood(address), now, leave)
        beside = self._of_address.get(seat.holder, OrderedDict())
        if len(beside) >= self._of_address_most:
            full = beside
        elif len(self._strangers) >= self._strangers_most:
            full = self._strangers
        else:
            full = None
        if full is not None:
            longest = next(iter(full))
            if now - longest.since < MOMENT:
                return None
            self.vacate(longest)
            longest.leave()
        self._strangers[seat] = None
        self._of_address.setdefault(seat.holder, OrderedDict())[seat] = None
        return seat

    def become_member(self, seat: Seat, name: str) -> bool:
        """Note that a stranger has shown a certificate that counts; false if there is no room for one of that name."""
        if seat not in self._strangers:
            return False
        if self.members >= self._members_most or self._of_member[name] >= self._of_member_most:
            return False
        self.vacate(seat)
        seat.stranger, seat.holder = False, name
        self._of_member[name] += 1
        self.members += 1
        return True

    def vacate(self, seat: Seat) -> None:
        """Note that a connection ended, which may be told more than once."""
        if not seat.stranger:
            if seat.holder:
                self.members -= 1
                self._of_member[seat.holder] -= 1
                if not self._of_member[seat.holder]:
                    del self._of_member[seat.holder]
                seat.holder = ""
        elif seat in self._strangers:
            del self._strangers[seat]
            beside = self._of_address[seat.holder]
            del beside[seat]
            if not beside:
                del self._of_address[seat.holder]
