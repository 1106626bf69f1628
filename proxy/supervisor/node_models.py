"""What the supervisor does with the models: for the shipped scoring a node's, for the paper's those of one worker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from models.allowance import Size, quorate, size
from models.candidates import Candidate
from models.communication_model import CommunicationModel
from models.exchange.shared import Others
from models.exchange.showings import Acceptance, Showings
from models.node import REPORT, Node
from models.paper.analyzer import PaperAnalyzer
from models.replica import Sighting, encode
from policy.document import Scoring
from policy.readiness import Observation, observed


class NodeModels(Protocol):
    """The models of a node, whatever the scoring. Times are readings of the monotonic clock, in seconds."""

    @property
    def newest(self) -> int:
        """Newest event time that was seen, ms; 0 for none."""
        ...

    @property
    def learnt(self) -> int | None:
        """The same as of the last minute that was learnt, None before any: what changes in between adds no time."""
        ...

    def dump(self, worker: int | None = None) -> bytes:
        """Return what is to be stored; or, given its number, what a worker begins with."""
        ...

    def join(self, worker: int) -> None:
        """Expect reports of a worker."""
        ...

    def leave(self, worker: int) -> None:
        """Expect none of it any more."""
        ...

    def minute(self, worker: int, content: bytes, now: float) -> list[bytes]:
        """Take what a worker closed a minute with; return the steps that all workers are to follow.

        Raises:
            ValueError: it cannot be read.
        """
        ...

    def due(self, now: float) -> list[bytes]:
        """Return the steps that no longer wait for anybody."""
        ...

    def see(self, sightings: Sequence[Sighting]) -> list[bytes]:
        """Take sightings of candidates; return the steps that follow from them."""
        ...

    def observations(self) -> dict[str, Observation]:
        """Return what there is of the model of each service type."""
        ...

    def federate(self) -> None:
        """Expect a federation from now on: it decides about candidates of types that live elsewhere too."""
        ...

    def hear(self) -> None:
        """Note that the federation was heard: with any answer of its service, also one that nothing is new."""
        ...

    def adopt(self, service_type: str, others: Others | None) -> list[bytes]:
        """Take what the federation knows of a type, in place of before; None forgets it. Return the steps, if any.

        Nothing is taken of a type that does not live here and that less than a quorum of sites has: one may have made
        it up.

        Raises:
            ValueError: a model is of another service type; nothing was changed.
        """
        ...

    def adopted(self, service_type: str) -> Size | None:
        """Return how much is in force of what the federation knows of a type; None for nothing."""
        ...

    def accept(self, acceptances: Iterable[Acceptance]) -> list[bytes]:
        """Take what the federation accepted, once; return the steps. It counts as a word of it (`hear`)."""
        ...

    def withdraw(self, candidates: Iterable[Candidate]) -> list[bytes]:
        """Expect no more what the federation accepted and took back; return the steps, none where it makes none."""
        ...

    def contributions(self) -> Iterator[CommunicationModel]:
        """Yield what was learnt here and nowhere else, a cumulative model for each type. To be read at once."""
        ...

    def showings(self) -> Showings:
        """Return what the federation may know of the candidates here."""
        ...

    def finish(self) -> None:
        """Take in what waits, for the end."""
        ...


class SharedModels:
    """Models that the workers of a node learn together."""

    def __init__(self, stored: bytes | None) -> None:
        """Begin with what was stored.

        Raises:
            ValueError: it cannot be read.
        """
        self._node = Node(stored)

    @property
    def newest(self) -> int:
        """Newest event time that was seen, ms; 0 for none."""
        return self._node.newest

    @property
    def learnt(self) -> int | None:
        """The same as of the last minute that was learnt."""
        return self._node.learnt

    def dump(self, worker: int | None = None) -> bytes:
        """Return what is to be stored; or what a worker begins with."""
        return self._node.dump(worker)

    def join(self, worker: int) -> None:
        """Expect reports of a worker."""
        self._node.join(worker)

    def leave(self, worker: int) -> None:
        """Expect none of it any more."""
        self._node.leave(worker)

    def minute(self, worker: int, content: bytes, now: float) -> list[bytes]:
        """Fold what a worker reported once all have."""
        return [encode(step) for step in self._node.report(worker, REPORT.decode(content), now)]

    def due(self, now: float) -> list[bytes]:
        """Fold what waited long enough."""
        return [encode(step) for step in self._node.due(now)]

    def see(self, sightings: Sequence[Sighting]) -> list[bytes]:
        """Note sightings, and accept what they corroborate."""
        step = self._node.see(sightings)
        return [] if step is None else [encode(step)]

    def observations(self) -> dict[str, Observation]:
        """Return what there is of the model of each service type."""
        return observed(self._node.knowledge)

    def federate(self) -> None:
        """Expect a federation from now on."""
        self._node.federated = True

    def hear(self) -> None:
        """Note that the federation was heard."""
        self._node.hear()

    def adopt(self, service_type: str, others: Others | None) -> list[bytes]:
        """Take what the federation knows of a type; of what is there already nobody is told."""
        known = self._node.knowledge.types.get(service_type)
        if others is not None and (known is None or known.adopted_only) and not quorate(others):
            others = None
        before = None if known is None else known.others
        step = self._node.adopt(service_type, others)
        return [] if step.others == before else [encode(step)]

    def adopted(self, service_type: str) -> Size | None:
        """Return how much is in force of what the federation knows of a type."""
        known = self._node.knowledge.types.get(service_type)
        return None if known is None or known.others is None else size(known.others)

    def accept(self, acceptances: Iterable[Acceptance]) -> list[bytes]:
        """Take what the federation accepted, once."""
        step = self._node.accept(acceptances)
        return [] if step is None else [encode(step)]

    def withdraw(self, candidates: Iterable[Candidate]) -> list[bytes]:
        """Expect no more what the federation accepted and took back."""
        step = self._node.withdraw(candidates)
        return [] if step is None else [encode(step)]

    def contributions(self) -> Iterator[CommunicationModel]:
        """Yield what was learnt here and nowhere else."""
        return self._node.contributions()

    def showings(self) -> Showings:
        """Return what the federation may know of the candidates here."""
        return self._node.showings()

    def finish(self) -> None:
        """Fold what waits."""
        self._node.finish()


class SingleModels:
    """Models that one worker keeps by itself; here they are only kept for the disk."""

    def __init__(self, stored: bytes | None) -> None:
        """Begin with what was stored.

        Raises:
            ValueError: it cannot be read.
        """
        self._state = stored or b""
        self._newest = PaperAnalyzer.load(stored).newest if stored else 0

    @property
    def newest(self) -> int:
        """Newest event time that had been seen at the start, ms; 0 for none."""
        return self._newest

    @property
    def learnt(self) -> int | None:
        """The same: nothing depends on it."""
        return self._newest

    def dump(self, worker: int | None = None) -> bytes:
        """Return what the worker told last."""
        del worker
        return self._state or PaperAnalyzer().dump()

    def join(self, worker: int) -> None:
        """Nobody is waited for."""

    def leave(self, worker: int) -> None:
        """Nobody is waited for."""

    def minute(self, worker: int, content: bytes, now: float) -> list[bytes]:
        """Keep it; there is nobody else to follow."""
        del worker, now
        self._state = content
        return []

    def due(self, now: float) -> list[bytes]:
        """Nothing waits."""
        del now
        return []

    def see(self, sightings: Sequence[Sighting]) -> list[bytes]:
        """The paper knows no candidates."""
        del sightings
        return []

    def observations(self) -> dict[str, Observation]:
        """Nothing: a policy cannot leave the mode to readiness with this scoring."""
        return {}

    def federate(self) -> None:
        """The paper's models are not exchanged; a configuration that asks for both is refused."""

    def hear(self) -> None:
        """Nobody is asked."""

    def adopt(self, service_type: str, others: Others | None) -> list[bytes]:
        """Nothing is adopted."""
        del service_type, others
        return []

    def adopted(self, service_type: str) -> Size | None:
        """Nothing is in force."""
        del service_type
        return None

    def accept(self, acceptances: Iterable[Acceptance]) -> list[bytes]:
        """The paper knows no candidates."""
        del acceptances
        return []

    def withdraw(self, candidates: Iterable[Candidate]) -> list[bytes]:
        """The paper knows no candidates."""
        del candidates
        return []

    def contributions(self) -> Iterator[CommunicationModel]:
        """Nothing is told."""
        return iter(())

    def showings(self) -> Showings:
        """The paper knows no candidates."""
        return Showings(instances={}, open=[])

    def finish(self) -> None:
        """Nothing waits."""


def node_models(scoring: Scoring, stored: bytes | None) -> NodeModels:
    """Return the models of a scoring.

    Raises:
        ValueError: what was stored cannot be read.
    """
    return SingleModels(stored) if scoring is Scoring.PAPER else SharedModels(stored)
