"""Which setting of a policy applies to a call, and where it stands: judge and explanations ask here.

What is said for the type of its partner comes before what is said for its own type, and that before what is for all.
"""

from __future__ import annotations

from typing import NamedTuple

from policy.document import Handling, ModeSetting, PolicyDocument
from policy.inferred import is_inferred


class Applied[T](NamedTuple):
    """A setting that applies."""

    path: tuple[str, ...]
    """Its place in the document, which need not be in the file: what nobody sets is a default."""
    value: T


def mode(policy: PolicyDocument, service_type: str | None) -> Applied[ModeSetting]:
    """Return the mode for calls of a service type; None: of a type that the policy does not name."""
    own = policy.service_types.get(service_type or "")
    if service_type is not None and own is not None and own.mode is not None:
        return Applied(("service_types", service_type, "mode"), own.mode)
    if service_type is not None and policy.inferred.mode is not None and is_inferred(service_type):
        return Applied(("inferred", "mode"), policy.inferred.mode)
    return Applied(("mode",), policy.mode)


def unknown_node(policy: PolicyDocument, service_type: str | None) -> Applied[Handling]:
    """Return what becomes of calls of a service type to nodes of which nothing is known."""
    own = policy.service_types.get(service_type or "")
    if service_type is None or own is None or own.unknown_node is None:
        return Applied(("unknown_node",), policy.unknown_node)
    return Applied(("service_types", service_type, "unknown_node"), own.unknown_node)


def threshold(
    policy: PolicyDocument, service_type: str | None, partner: str | None, name: str
) -> Applied[float | None]:
    """Return the threshold `name` (alert, block or quarantine) for accesses of a service type to another one.

    The value is an AV; of quarantine None, where the policy says never.
    """
    own = policy.service_types.get(service_type or "")
    if service_type is not None and own is not None:
        place = "service_types", service_type
        to_partner = own.partners.get(partner or "")
        if partner is not None and to_partner is not None and to_partner.thresholds.gives(name):
            path = (*place, "partners", partner, "thresholds", name)
            return Applied(path, getattr(to_partner.thresholds, name))
        if own.thresholds.gives(name):
            return Applied((*place, "thresholds", name), getattr(own.thresholds, name))
    if service_type is not None and is_inferred(service_type) and policy.inferred.thresholds.gives(name):
        return Applied(("inferred", "thresholds", name), getattr(policy.inferred.thresholds, name))
    return Applied(("thresholds", name), getattr(policy.thresholds, name))
