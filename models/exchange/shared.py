"""What a child of a federation is told of the others: sums without its own contribution (DESIGN.md, invariant 6).

A node is told two sums: of the other nodes of its site, which speak with its own voice, and of the other sites, each of
which has a voice of its own. A site is told one, of the other sites.
"""

from __future__ import annotations

import msgspec

from models.communication_model import CommunicationModel
from models.relationship import Key

MOST_RELATIONSHIPS = 256
"""Of a sum that is told, whatever origins bring into it. Usual ones have ten."""
MOST_ENTRIES = 2048
"""Of its relationships (`Relationship.entries`), and partner types apart. Usual ones have some hundred."""


class Shared(msgspec.Struct, frozen=True, kw_only=True):
    """The sum of what some origins contributed to the model of one service type. To be read only."""

    version: str
    """Hash of who contributed what: of the (origin, epoch, sequence) of each."""
    origins: int
    """How many contributed."""
    supporters: dict[Key, int]
    """How many of them show each joint relationship."""
    model: CommunicationModel


class Others(msgspec.Struct, frozen=True, kw_only=True):
    """What a node is told of one service type."""

    site: Shared | None = None
    """Of the other nodes of its own site; None where there are none, or no site level."""
    elsewhere: Shared | None = None
    """Of the other sites; None where there are none that it knows of."""
