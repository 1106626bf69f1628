"""Calls and scores to judge, shared by the tests of policy and of the audit log."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import msgspec

from models.access import Access, Operation
from models.score import Named, Score
from policy.verdict import Call, Refusal, Sender, Strength

NOW = 1_763_000_000.0
EVENT_TIME = 1_763_000_000_000

WASHING_MACHINE = Sender(
    address="/agent1/washingmachine1",
    service_type="/washingService",
    strength=Strength.CERTIFICATE,
    ip="192.0.2.17",
    client_id="washingmachine1",
)
STRANGER = Sender(address="ip:192.0.2.99", service_type=None, strength=Strength.UNKNOWN, ip="192.0.2.99")

SPYING = Access(
    time=EVENT_TIME,
    source="/agent1/washingmachine1",
    source_type="/washingService",
    source_location="BathRoom",
    destination="/agent1/tempin1",
    destination_type="/sensorService",
    destination_location="Bedroom",
    node="/agent1/tempin1/temperature",
    operation=Operation.GET,
    data_type="/derived/temperature",
)


def score(av: float, deciding: str = "relationship", /, **terms: float) -> Score:
    """A score of a settled model, in which one term decides."""
    sor = av if deciding == "relationship" else 0.0
    return Score(
        av=av,
        som=1.0,
        sor=sor,
        soa=av - sor,
        deciding=deciding,
        evidence=Named({deciding: av, **terms}),
        model_version="m7",
    )


def call(
    *accesses: Access, sender: Sender = WASHING_MACHINE, refusal: Refusal | None = None, may_quarantine: bool = True
) -> Call:
    return Call(
        sender=sender,
        accesses=accesses,
        time=EVENT_TIME,
        refusal=refusal,
        request="GET /vsl/agent1/tempin1/temperature",
        may_quarantine=may_quarantine,
    )


def access(number: int) -> Access:
    return msgspec.structs.replace(SPYING, node=f"/agent1/tempin1/{number}")


class PrescribedAnalyzer:
    """Gives the scores it was told to give, and remembers what it was asked to score and to learn."""

    def __init__(self, scores: Iterable[Score]) -> None:
        self._scores = deque(scores)
        self.scored: list[Access] = []
        self.learnt: list[Access] = []
        self.noted: list[tuple[Access, Score, float]] = []

    def score(self, access: Access) -> Score:
        self.scored.append(access)
        return self._scores.popleft()

    def learn(self, access: Access) -> None:
        self.learnt.append(access)

    def refused(self, access: Access, score: Score, threshold: float) -> None:
        self.noted.append((access, score, threshold))
