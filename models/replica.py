"""What a worker knows of what all workers of its node know together: a copy that follows one sequence of steps.

Whatever changes it happens at the node first (`models.node`), and then in the same order in every copy, so that all
copies are equal (state machine replication; Schneider 1990). A copy scores; it decides nothing.
"""

from __future__ import annotations

import msgspec

from models.candidates import MAX_CANDIDATES, Candidate
from models.descriptor import Descriptor
from models.exchange.shared import Others
from models.framing import Frame
from models.knowledge import HERE, Knowledge


class Learnt(msgspec.Struct, frozen=True, tag=True):
    """What the instances of the node did in a minute, and what was accepted then."""

    descriptors: list[Descriptor]
    accepted: list[Candidate]
    time: int
    """Event time, ms."""
    strangers: int
    """Instances that were accepted though they had not registered, on the whole node since it began."""


class Decided(msgspec.Struct, frozen=True, tag=True):
    """Candidates that were accepted in between, or are no longer."""

    accepted: list[Candidate]
    time: int
    """Event time, ms."""
    told: bool = False
    """Whether others accepted them, and not the node itself."""
    withdrawn: list[Candidate] = []
    """What others had accepted, and took back."""


class Adopted(msgspec.Struct, frozen=True, tag=True):
    """What others know of a service type, in place of what they told before; None forgets that."""

    service_type: str
    others: Others | None


Step = Learnt | Decided | Adopted


class Sighting(msgspec.Struct, frozen=True, array_like=True):
    """An instance showed a candidate, and was refused."""

    candidate: Candidate
    instance: str
    time: int
    """Event time, ms."""


class _Step(msgspec.Struct, frozen=True):
    step: Step


_FRAME = Frame(_Step, magic=b"alleyes step\n", version=1, foreign="this is no step of a node's knowledge")


def encode(step: Step) -> bytes:
    """Return the bytes of a step."""
    return _FRAME.encode(_Step(step))


def decode(data: bytes) -> Step:
    """Read a step.

    Raises:
        ValueError: the bytes are of something else, or damaged.
    """
    return _FRAME.decode(data).step


class Replica(Knowledge):
    """One worker's copy. Sightings are kept for the node; everything else comes from there."""

    def __init__(self, *, origin: str = "node") -> None:
        """Start with nothing known."""
        super().__init__(origin=origin)
        self._sightings: dict[tuple[Candidate, str], Sighting] = {}
        self.unseen = 0
        """Sightings that there was no room for until the node took the others."""

    def see(self, candidate: Candidate, site: str, instance: str, time: int) -> None:
        """Keep a sighting for the node; of one instance the newest. An attacker may cause any number of them."""
        del site
        if candidate in self.answers:
            return
        name = candidate, instance
        if name not in self._sightings and len(self._sightings) >= MAX_CANDIDATES:
            self.unseen += 1
            return
        self._sightings[name] = Sighting(candidate, instance, time)

    def take_sightings(self) -> list[Sighting]:
        """Return, once, what was sighted."""
        taken = list(self._sightings.values())
        self._sightings.clear()
        return taken

    def follow(self, step: Step) -> None:
        """Do what the node did."""
        if isinstance(step, Adopted):
            self.adopt(step.service_type, step.others)
            return
        if isinstance(step, Learnt):
            self.fold(step.descriptors, HERE)
            self.read()
        told = isinstance(step, Decided) and step.told
        for candidate in step.accepted:
            self.answer(candidate, allowed=True, now=step.time, human=False, told=told)
        for candidate in step.withdrawn if isinstance(step, Decided) else ():
            self.withdraw(candidate)
