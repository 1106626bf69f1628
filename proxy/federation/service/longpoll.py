"""Holds a request until something changed for its caller."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import web

from proxy.federation.configuration import ServiceLimits
from proxy.federation.service.authentication import Caller, Callers
from proxy.federation.service.limits import Slots
from proxy.federation.service.parameters import number
from proxy.federation.service.waiting import Changes

MOST = 60
"""Seconds that a request may ask to wait."""


class LongPolls:
    """All requests that wait."""

    def __init__(self, limits: ServiceLimits, slots: Slots, changes: Changes, callers: Callers) -> None:
        """Let no request wait yet."""
        self._limits = limits
        self._slots = slots
        self._changes = changes
        self._callers = callers
        self._ending = False

    def end(self) -> None:
        """Answer all that wait, and let no other one wait: the service is being stopped."""
        self._ending = True
        self._changes.tell_all()

    async def hold(self, request: web.Request, caller: Caller, topic: str, unchanged: Callable[[], bool]) -> None:
        """Wait until something is new for the caller, for as long as it asks for (`?wait=`).

        Args:
            request: What asks.
            caller: Who asks; it is looked at again whenever something changed, as it may have been revoked meanwhile.
            topic: What may change.
            unchanged: Whether there is nothing new for this caller.

        Raises:
            Failure: `wait` is no number (400), too many wait already (429, 503), or the caller was revoked (403).
        """
        seconds = min(number(request, "wait", most=MOST, otherwise=0), self._limits.wait_seconds)
        if not seconds or not unchanged():
            return
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        with self._slots.wait(caller.origin):
            while not self._ending and unchanged() and (left := end - loop.time()) > 0:
                await self._changes.wait(topic, left)
                self._callers.check(caller)
