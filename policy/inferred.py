"""Service types that were inferred from what a sender shows of itself: apart from all types that somebody confirmed."""

from __future__ import annotations

PREFIX = "/inferred/"
"""How their names begin, and no other type's."""


def is_inferred(service_type: str) -> bool:
    """Tell whether a type was inferred."""
    return service_type.startswith(PREFIX)
