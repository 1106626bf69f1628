"""What a simulated service is about to do, and what it learns from the answer."""

from __future__ import annotations

from collections.abc import Generator

import msgspec

from models.access import Operation


class Step(msgspec.Struct, frozen=True):
    """One intended call."""

    time: int
    """Event time in milliseconds at which the service means to call; never decreases within a routine."""
    operation: Operation
    node: str
    """Absolute address of the node, e.g. `/agent1/movement1/movement`."""
    value: str | None = None
    """Text to write; the model id for a registration; `None` where the call carries none."""


class Answer(msgspec.Struct, frozen=True):
    """What came back for a step."""

    time: int
    """Event time in milliseconds at which the answer arrived."""
    value: str | None = None
    """What was read; `None` for anything but a successful read."""


type Routine = Generator[Step, Answer]
"""A train of thought of a service: yields what it wants to do next, is sent what came back."""

type Beginning = Generator[Step, Answer, tuple[Routine, ...]]
"""How a service starts: a routine that returns those which go on, side by side, when it is over."""
