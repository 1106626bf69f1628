"""Scores of the authors' rule set: AV = SoM · max(SoR, SoA), refused from 7 on.

They differ from the paper: only the numerator of SoR is capped, so it tends to 0 for what is old; operation and data
type score (1 - p) / (p + 0.05) instead of a distance over 3σ; no term is weighed by relationship and cluster; the
term for a flood of requests is computed by the authors and then discarded, so it is missing here.
"""

from __future__ import annotations

from models.access import Access
from proxy.evaluation.reference.categories import category_of_data_type, category_of_operation
from proxy.evaluation.reference.clusters import Cluster, Shares
from proxy.evaluation.reference.model import Model, Relationship

THRESHOLD = 7.0
"""AV from which an access is refused."""
FULL_WEIGHT = 3000
"""The paper's maxModelWeight: descriptors with which SoM is 1."""
UNKNOWN_PARTNER = 20.0
"""SoA of an access to a type of partner that the model does not know."""
SOR_OF_UNKNOWN = 1.0
SOR_OF_UNMERGED = 0.97
"""SoR of a relationship that is in the instance's descriptor, but not in the model yet."""
REGULARISER = 0.05
LOCATION_FACTOR = 4.0


def support_of_model(model: Model) -> float:
    """Return SoM, 0 to 1."""
    return min(model.weight, FULL_WEIGHT) / FULL_WEIGHT


def support_of_relationship(model: Model, relationship: Relationship) -> float:
    """Return SoR: 1 for what is in every descriptor, more for what is rare, less from 3000 descriptors on."""
    return min(model.weight, FULL_WEIGHT) / relationship.weight


def rarity(shares: Shares, category: int) -> float:
    """Return the term of an operation or a data type: 20 for one never seen, 7.0 at a share of 8.1 %."""
    share = shares.share(category)
    return (1 - share) / (share + REGULARISER)


def location(same_room: Cluster, *, same: bool) -> float:
    """Return the term of the partner's room: 75.5 for another room where there never was another."""
    return LOCATION_FACTOR * abs(same - same_room.centre) / (3 * same_room.spread + REGULARISER)


def one_more_partner(relationship: Relationship, local: Relationship | None) -> float:
    """Return how unusual one more partner is than the instance's descriptor has (`local`, `None` without any)."""
    expected = relationship.partners
    partners = local.partners.centre + 1 if local else 1
    return abs(partners - expected.centre) / (3 * expected.spread)


def new_partner(model: Model, relationship: Relationship, access: Access, local: Relationship | None) -> float:
    """Return the terms of a partner that the instance does not know yet, 0 in most cases.

    A partner is noted before the access is scored, unless the noting itself scores the threshold or more.
    """
    unusual = one_more_partner(relationship, local)
    if support_of_model(model) * relationship.partners.count / model.weight * unusual < THRESHOLD:
        return 0.0
    same = access.source_location == access.destination_location
    return max(unusual, abs(same - relationship.same_room.centre) / (3 * relationship.same_room.spread))


def anomaly_value(access: Access, model: Model, descriptor: Model | None, *, partner_is_new: bool) -> float:
    """Return AV of an access.

    Args:
        access: The access.
        model: The model of the caller's service type.
        descriptor: The caller's newest descriptor, if there is one.
        partner_is_new: Whether the caller has used neither this partner nor this node lately.
    """
    local = descriptor.relationships.get(access.destination_type) if descriptor else None
    relationship = model.relationships.get(access.destination_type)
    if relationship is None:
        return support_of_model(model) * max(SOR_OF_UNMERGED if local else SOR_OF_UNKNOWN, UNKNOWN_PARTNER)
    return support_of_model(model) * max(
        support_of_relationship(model, relationship),
        location(relationship.same_room, same=access.source_location == access.destination_location),
        rarity(relationship.operations, category_of_operation(access.operation)),
        rarity(relationship.data_types, category_of_data_type(access.data_type)),
        new_partner(model, relationship, access, local) if partner_is_new else 0.0,
    )
