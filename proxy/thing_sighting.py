"""What is remembered of a Thing of the Web of Things, so that its name and paths stay its own."""

from __future__ import annotations

import msgspec


class Sighting(msgspec.Struct, frozen=True):
    """A Thing that was fetched once, and has its name since."""

    service: str
    id: str
    title: str
    paths: tuple[str, ...]
    """As a mapping document has them."""
    digest: str
    """Of all that its description says that counts."""
    gone: float | None = None
    """Since when no description of it is there, real time in seconds; None while there is one."""
