"""Tells the operator, once for each service, what it speaks that the gateway does not, and what to change."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from policy.verdict import Verdict
from proxy.decoders.refusals import HTTP2
from proxy.enforcement import VerdictLog

_REASONS = frozenset({"xml-body", "http2"})
"""Refusals that no change of a policy can mend, as the service speaks another language."""
_MOST = 1024
"""Services that are remembered; the one that was told of longest ago is forgotten first."""


@dataclass
class Advice:
    """Stands before the audit log, and passes everything on to it."""

    log: VerdictLog
    on_handshake: Callable[[str, str], None]
    """Called with network address and reason for every handshake that failed."""
    say: Callable[[str, str], None]
    """Called with the service, or its network address, and one line with the remedy."""
    _told: OrderedDict[tuple[str, str], None] = field(default_factory=OrderedDict)

    def record(self, verdict: Verdict) -> None:
        """Record a verdict, and say what to change where it tells of another language.

        Raises:
            Exception: it cannot be recorded; the call must then be refused.
        """
        self.log.record(verdict)
        if verdict.reason in _REASONS and verdict.call.refusal is not None:
            self._tell(verdict.call.sender.address, verdict.call.refusal.detail)

    def handshake_failed(self, ip: str, reason: str) -> None:
        """Record a handshake that failed, and say what to change where only HTTP/2 was offered."""
        self.on_handshake(ip, reason)
        if reason == HTTP2:
            self._tell(ip, reason)

    def impostor(self, agent: str, reason: str) -> None:
        """Say what is wrong with an access point that did not show that it is the one that it should be."""
        self._tell(f"access point {agent}", reason)

    def _tell(self, who: str, remedy: str) -> None:
        known = (who, remedy) in self._told
        self._told[who, remedy] = None
        self._told.move_to_end((who, remedy))
        if known:
            return
        if len(self._told) > _MOST:
            self._told.popitem(last=False)
        self.say(who, remedy)
