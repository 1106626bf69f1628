"""Something that a client does for ever, and goes on doing whatever fails: later and later, and saying so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from proxy.federation.client.backoff import Backoff
from proxy.federation.client.connection import ServiceError
from proxy.federation.client.credentials import CredentialsError
from proxy.federation.client.database import DiskError
from proxy.federation.client.state import Trouble

_LONGEST_REQUEST = 600.0
"""Seconds for which a service may want to be left alone at most."""

log = structlog.get_logger("alleyes")


@dataclass
class Activity:
    """One of a client's activities."""

    name: str
    step: Callable[[], Awaitable[None]]
    """Does it once, and waits until it is time for the next."""
    real_now: Callable[[], float]
    backoff: Backoff = field(default_factory=Backoff)
    trouble: Trouble | None = None
    """Why it does not work at present."""

    async def forever(self) -> None:
        """Do it until cancelled; nothing else ends it."""
        while True:
            wait = await self.once()
            await asyncio.sleep(wait)

    async def once(self) -> float:
        """Do it once; return how long to wait then, in seconds."""
        try:
            await self.step()
        except ServiceError as error:
            return max(self._failed(str(error)), min(error.retry_after, _LONGEST_REQUEST))
        except (CredentialsError, DiskError) as error:
            return self._failed(str(error))
        except Exception as error:  # the federation is never a reason for anything else to end
            if self.trouble is None:
                log.error("broken", place=f"federation, {self.name}", exc_info=error)
            return self._failed(f"the gateway failed: {type(error).__name__}: {error}")
        if self.trouble is not None:
            log.info("federation", activity=self.name, detail="works again", after_attempts=self.trouble.attempts)
        self.trouble = None
        self.backoff.succeeded()
        return 0.0

    def _failed(self, text: str) -> float:
        before = self.trouble
        wait = self.backoff.failed()
        if before is None or before.text != text:
            log.warning("federation", activity=self.name, detail=text, next_attempt_seconds=round(wait, 1))
        self.trouble = Trouble(
            activity=self.name,
            text=text,
            since=self.real_now() if before is None else before.since,
            attempts=self.backoff.failures,
        )
        return wait
