"""What the rows of a store are called."""

from __future__ import annotations

SHOWINGS = "showings"
_MODEL = "model:"


def model_topic(service_type: str) -> str:
    """Return the topic of contributions to a service type."""
    return _MODEL + service_type


def type_of(topic: str) -> str | None:
    """Return the service type that a topic is of; None for another one."""
    return topic.removeprefix(_MODEL) if topic.startswith(_MODEL) else None
