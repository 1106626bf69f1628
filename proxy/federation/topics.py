"""What is told of: as the rows of a store are called, and what waits to be sent."""

from __future__ import annotations

SHOWINGS = "showings"
"""The topic of candidates."""
MODEL = "model:"
"""Topics of models begin with it; the service type follows."""


def model_topic(service_type: str) -> str:
    """Return the topic of contributions to a service type."""
    return MODEL + service_type


def type_of(topic: str) -> str | None:
    """Return the service type that a topic is of; None for another one."""
    return topic.removeprefix(MODEL) if topic.startswith(MODEL) else None
