"""The formulas of the paper's section III: SoM, SoR, SoA, AV, and the group anomaly of section III-A.

Weights are numbers of descriptors; every weight is capped by maxModelWeight. None of the figures has a unit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from models.paper.clusters import NumberCluster

DEVIATIONS = 3.0
"""Standard deviations that are normal."""


def support_of_model(model_weight: int, most: int) -> float:
    """SoM = modelWeight / maxModelWeight, at most 1."""
    return min(model_weight, most) / most


def support_of_relationship(model_weight: int, relationship_weight: int, most: int) -> float:
    """SoR = modelWeight / relationshipWeight, both at most maxModelWeight.

    A relationship that was never seen counts as seen once: it is as unusual as anything can be, and not infinitely.
    """
    return min(model_weight, most) / max(1, min(relationship_weight, most))


def support_of_access(distance: float, std: float, relationship_weight: int, share: float, most: int) -> float:
    """SoA = dist(center, newValue) / (3 * standardDeviation) * relationshipWeight / centerWeight, up to maxModelWeight.

    Args:
        distance: Of the new value from the nearest centre, in the unit of the feature.
        std: The nearest cluster's standard deviation, in the same unit. Where it is 0, whatever is not the same is as
            unusual as anything can be.
        relationship_weight: Descriptors that show the relationship.
        share: The nearest cluster's weight as a share of that of the relationship, above 0 and up to 1.
        most: maxModelWeight.
    """
    if not distance:
        return 0.0
    if not std:
        return float(most)
    center_weight = min(relationship_weight * share, most)
    return min(most, distance / (DEVIATIONS * std) * min(relationship_weight, most) / center_weight)


def anomaly_value(som: float, sor: float, soa: float) -> float:
    """AV = SoM * max(SoR, SoA)."""
    return som * max(sor, soa)


def group_anomaly(model: Sequence[NumberCluster], descriptor: Sequence[tuple[float, float]], most: int) -> float:
    """Sum, over the model's clusters a, of dist(center_a, center_b) * (weight_a + weight_b) / (3 * std_a).

    b is the nearest of the descriptor's clusters. Weights are shares: those of a model that has seen millions of gaps
    and those of a window of 200 can only so be added.

    Args:
        model: Period clusters of a relationship and operation.
        descriptor: Centre (ms) and share of each cluster of the flow at hand.
        most: maxModelWeight, which the sum does not exceed.

    Returns:
        0 where either list is empty: what is not periodic cannot be out of step.
    """
    if not descriptor:
        return 0.0
    total = 0.0
    for cluster in model:
        apart, share = math.inf, 0.0
        for centre, support in descriptor:
            distance = abs(centre - cluster.centre)
            if distance < apart:
                apart, share = distance, support
        total += apart * (cluster.share + share) / (DEVIATIONS * cluster.std)
    return min(total, float(most))
