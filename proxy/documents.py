"""Every kind of file that people write."""

from __future__ import annotations

from pydantic import BaseModel

from policy.document import PolicyDocument
from policy.scenario import Scenario
from proxy.configuration import GatewayDocument, InventoryDocument
from proxy.decoders.rest.mapping import MappingDocument
from proxy.federation.configuration import FederationDocument

DOCUMENTS: dict[str, type[BaseModel]] = {
    "gateway": GatewayDocument,
    "policy": PolicyDocument,
    "inventory": InventoryDocument,
    "scenario": Scenario,
    "federation": FederationDocument,
    "mapping": MappingDocument,
}
"""By the name of its schema in `config/`."""
