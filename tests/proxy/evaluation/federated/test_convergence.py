"""How soon a new site is protected."""

from __future__ import annotations

import pytest

from models.simulation.service_models import LIGHT_CONTROLLER, MOVEMENT_SENSOR, TEMPERATURE_SENSOR
from policy.document import PolicyDocument
from proxy.evaluation.federated.convergence import Convergence, Size, converge

FACTOR = 100


@pytest.fixture(scope="module")
def found() -> Convergence:
    return converge(1, Size(seeds=1, others=(3,), history=1.5, days=0.02))


def test_joining_others_is_a_hundred_times_faster_than_being_alone(found: Convergence) -> None:
    at_least = PolicyDocument().readiness.quiet / 60
    """Minutes that a site alone takes in any case: nothing new must have come up for so long."""
    alone, joining = found.joinings
    for name in (LIGHT_CONTROLLER, MOVEMENT_SENSOR, TEMPERATURE_SENSOR):
        assert alone.minutes[name] == [None]
        (minutes,) = joining.minutes[name]
        assert minutes is not None
        assert minutes * FACTOR <= at_least


def test_in_its_first_hour_only_a_site_with_others_refuses_attacks(found: Convergence) -> None:
    alone, joining = (each.first_hour for each in found.joinings)
    assert alone.normal == joining.normal > 1000  # the same hour
    assert alone.prevented == alone.refused == 0
    assert joining.prevented > 0.8 * joining.attacks
    assert joining.flagged <= 0.002 * joining.normal
