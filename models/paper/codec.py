"""Versioned bytes of a paper's analyzer (`models.framing`)."""

from __future__ import annotations

import msgspec

from models.framing import Frame
from models.paper.communication_model import CommunicationModel
from models.paper.instance import InstanceState

MAGIC = b"alleyes paper models\n"
"""Not that of the other scoring: neither reads the other's models, and each says so."""
VERSION = 1


class PaperState(msgspec.Struct, frozen=True, kw_only=True):
    """All that a paper's analyzer remembers."""

    origin: str
    newest: int
    minute: int | None
    models: list[CommunicationModel]
    instances: list[InstanceState]
    """The one that was silent longest first."""


_FRAME = Frame(
    PaperState,
    magic=MAGIC,
    version=VERSION,
    foreign="these are no models of `scoring: paper`: the first bytes are wrong",
)
encode = _FRAME.encode
"""Return the bytes of a state."""
decode = _FRAME.decode
"""Read them; a ValueError says what is wrong with others."""
