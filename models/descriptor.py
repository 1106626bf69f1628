"""What one service instance did in a minute of event time (paper, sections II-A and II-E)."""

from __future__ import annotations

import msgspec

from models.relationship import Key, Relationship

MINUTE = 60_000
"""Milliseconds of event time."""
LATE = 1
"""Minutes by which time may step back without being another clock. One stamp from the future must not stop time."""
LONGEST = 24 * 60
"""Minutes for which a descriptor may stand: what a clock that was set forward skipped was not observed."""


class Descriptor(msgspec.Struct, kw_only=True):
    """One instance's report. It names the service type, not the instance: addresses never leave the node."""

    service_type: str
    minute: int
    """Minutes since the epoch, of the first minute reported."""
    minutes: int = 1
    """Minutes reported: more than one where nobody asked for a while; in all after the first the instance was idle."""
    relationships: dict[Key, Relationship] = msgspec.field(default_factory=dict)
    """What it did, each with weight 1; empty for an idle instance, whose minutes count all the same."""
    partners: dict[str, int] = msgspec.field(default_factory=dict)
    """Distinct partner instances that it addressed, by their service type."""
