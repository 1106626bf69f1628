"""Has the supervisor look for what calls named and nobody knew, seldom enough that nobody can drive it.

A call to such a node is judged at once, as one to an unknown node; what the supervisor finds counts for the next one.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from proxy.processes.messages import Missed

MOST_REMEMBERED = 1024
"""Addresses that were looked for lately; the one that has been remembered longest is forgotten first."""
_AGAIN_SECONDS = 60.0
"""An address that was looked for is not looked for again before."""
_SPACING_SECONDS = 1.0
"""Between two messages about one agent. One look-up reads all its nodes, so that whoever comes in between waits for the
next one, and loses nothing."""


class Misses:
    """The addresses that were missed at one worker. For the event loop's thread."""

    def __init__(
        self, readable: frozenset[str], send: Callable[[Missed], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start with nothing missed.

        Args:
            readable: Names of the agents whose structure can be read; addresses of others are nowhere to be found.
            send: Tells the supervisor.
            clock: Monotonic time, seconds.
        """
        self._readable = readable
        self._send = send
        self._clock = clock
        self._looked_for: OrderedDict[str, float] = OrderedDict()
        self._told = dict.fromkeys(readable, float("-inf"))

    def missed(self, address: str) -> None:
        """Note that nothing is known of a node or of a service."""
        agent = address[1:].partition("/")[0] if address.startswith("/") else ""
        if agent not in self._readable:
            return
        now = self._clock()
        if self._looked_for.get(address, float("-inf")) > now or now - self._told[agent] < _SPACING_SECONDS:
            return
        self._told[agent] = now
        self._looked_for[address] = now + _AGAIN_SECONDS
        self._looked_for.move_to_end(address)
        if len(self._looked_for) > MOST_REMEMBERED:
            self._looked_for.popitem(last=False)
        self._send(Missed(agent))
