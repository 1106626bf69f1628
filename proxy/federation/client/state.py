"""What a client says of itself, as plain data: for `alleyes status` and `alleyes federation status`."""

from __future__ import annotations

import msgspec


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """Why something does not work now."""

    activity: str
    """`publishing`, `models`, ..."""
    text: str
    since: float
    """Real time, seconds since the epoch."""
    attempts: int
    """In a row that failed."""


class AdoptedModel(msgspec.Struct, frozen=True, kw_only=True):
    """What is in force of the others' models of one service type."""

    version: str
    received: float
    """Real time, seconds since the epoch, when this version came."""
    sites: int
    """Other sites that contributed."""
    nodes: int
    """Other nodes of the own site that did."""
    weight: int
    """Instance-minutes of all of them."""
    pinned: bool
    newest: str
    """The newest version, where another one is pinned; empty where the service no longer has any."""


class FederationStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the federation, as an origin sees it. Times are real, in seconds since the epoch; 0 for never."""

    service: str
    origin: str = ""
    """The own name there; empty where there is no certificate yet."""
    former: str = ""
    """The name under which it contributed before, if that was another one; empty where it was not, or long ago."""
    certificate_ends: float = 0.0
    heard: float = 0.0
    """When the service last confirmed that the models in force are the newest, or told newer ones."""
    published: float = 0.0
    """When it last took something."""
    waiting: int = 0
    """Topics with a state that it has not taken yet."""
    epoch: int = 0
    sequence: int = 0
    epochs: int = 1
    """How many there have been. Each after the first means that the service held something newer than the disk here."""
    contributions: int = 0
    """Taken since the start; so are ..."""
    showings: int = 0
    acceptances: int = 0
    models: dict[str, AdoptedModel] = {}
    refused: dict[str, str] = {}
    """By topic or service type, what was refused by either side, and why."""
    cut: dict[str, str] = {}
    """By service type, what of it is not used though it was told, and why."""
    troubles: list[Trouble] = []
