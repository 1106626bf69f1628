"""A service type with a list of rooms and a camera, for what the site's own types do not have."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from models.simulation.service_models import COMPOSED, MODELS, TEXT, ModelNode
from tests.site.knowledge_agent.lists import LIST

HOUSE = "/houseService"
MODELS_AND_HOUSE: Mapping[str, ModelNode] = MappingProxyType(
    {
        **MODELS,
        HOUSE: ModelNode(
            (HOUSE, COMPOSED),
            children={"rooms": ModelNode(("/roomList", LIST, COMPOSED)), "picture": ModelNode((TEXT,), "")},
        ),
    }
)
