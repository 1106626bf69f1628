"""Versioned bytes of an analyzer (`framing`)."""

from __future__ import annotations

import msgspec

from models.arrivals import Arrivals
from models.framing import Frame
from models.instance import InstanceState
from models.knowledge import KnowledgeState

MAGIC = b"alleyes models\n"
VERSION = 3


class AnalyzerState(msgspec.Struct, frozen=True, kw_only=True):
    """All that an analyzer remembers."""

    origin: str
    newest: int
    minute: int | None
    arrivals: Arrivals
    knowledge: KnowledgeState
    instances: list[InstanceState]
    """The one that was silent longest first."""


_FRAME = Frame(
    AnalyzerState, magic=MAGIC, version=VERSION, foreign="this is not a file of models: its first bytes are wrong"
)
encode = _FRAME.encode
"""Return the bytes of a state."""
decode = _FRAME.decode
"""Read them; a ValueError says what is wrong with others."""
