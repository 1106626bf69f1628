"""The node trees of the service types."""

from __future__ import annotations

from models.simulation.service_models import MODELS


def test_every_root_is_of_its_own_type_first() -> None:
    assert all(root.types[0] == model_id for model_id, root in MODELS.items())


def test_walking_names_every_node() -> None:
    assert [address for address, _ in MODELS["/batteryService"].walk("/agent1/battery1")] == [
        "/agent1/battery1",
        "/agent1/battery1/charge",
        "/agent1/battery1/charging",
        "/agent1/battery1/cells",
    ]
