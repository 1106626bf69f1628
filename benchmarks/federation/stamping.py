"""Contributions of the same state with whatever stamp.

To encode a model takes longer than to send it. So each state is encoded once, and only its stamp is written anew.
"""

from __future__ import annotations

from models.exchange.schema import SCHEMA
from models.varint import Writer


def body(model: bytes, epoch: int, sequence: int) -> bytes:
    """Return the bytes of a contribution (`encode_contribution`)."""
    out = Writer()
    out.unsigned(epoch)
    out.unsigned(sequence)
    return SCHEMA + out.buffer + model
