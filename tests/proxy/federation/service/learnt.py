"""Models that an origin may have learnt, small and plausible."""

from __future__ import annotations

from models.candidates import Candidate
from models.clustering_feature import ClusteringFeature
from models.communication_model import CommunicationModel
from models.contributions import Contribution
from models.exchange.showings import Showing
from models.relationship import Key, Relationship
from tests.proxy.federation.service.running import now_ms

LIGHT = "/lightControler"
_MINUTE = now_ms() // 60_000 - 1000
"""Minutes since the epoch: not long ago, and the same for all."""


def learnt(
    service_type: str = LIGHT, *, weight: int = 5, epoch: int = 1, sequence: int = 1, partner: str = "/movementSensor"
) -> Contribution:
    """What somebody learnt in so many instance-minutes."""
    fast = ClusteringFeature()
    for minute in range(weight):
        fast.observe(1000 + minute, _MINUTE + minute)
    slow = ClusteringFeature(*fast.sums)
    relationship = Relationship(weight=weight, instances=1, fast=fast, slow=slow)
    key = Key(partner, own=False, operation="get", data_type="/derived/boolean")
    model = CommunicationModel(
        service_type=service_type,
        weight=weight,
        relationships={key: relationship} if weight else {},
        partners={},
    )
    return Contribution(epoch=epoch, sequence=sequence, model=model)


def showing(
    service_type: str = LIGHT, *, partner: str = "/weatherForecast", recent: int = 3, persistent: int = 0
) -> Showing:
    """How somebody shows a new relationship, just now."""
    key = Key(partner, own=False, operation="get", data_type="/derived/number")
    candidate = Candidate(service_type, "relationship", key)
    return Showing(candidate=candidate, recent=recent, persistent=persistent, onset=now_ms() - 60_000, last=now_ms())
