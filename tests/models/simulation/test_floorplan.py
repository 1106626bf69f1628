"""The site's plan."""

from __future__ import annotations

import pytest

from models.simulation.floorplan import Floorplan, Service, family_home
from models.simulation.service_models import LIGHT_CONTROLLER, MOVEMENT_SENSOR, TEMPERATURE_SENSOR, THERMOSTAT


def test_every_room_of_the_family_home_has_its_own_light_movement_and_temperature() -> None:
    home = family_home()
    rooms = [{service.location for service in home.of_type(kind)} for kind in (LIGHT_CONTROLLER, MOVEMENT_SENSOR)]
    assert len(rooms[0]) == len(home.of_type(LIGHT_CONTROLLER)) == 8
    assert rooms[0] == rooms[1]
    for light in home.of_type(LIGHT_CONTROLLER):
        assert {home.service(partner).location for partner in light.partners} == {light.location}


def test_the_family_home_lives_on_two_agents_and_its_thermostats_reach_across() -> None:
    home = family_home()
    assert home.agents == ("agent1", "agent2")
    assert len(home.services) == 36
    for heating in home.of_type(THERMOSTAT):
        assert {home.service(partner).agent for partner in heating.partners} == {"agent1", "agent2"}


def test_nodes_are_found_with_their_owner_and_type() -> None:
    home = family_home()
    assert home.owner("/agent1/movement1/lastChange").id == "movement1"
    assert home.node("/agent1/movement1/movement").types == ("/derived/boolean", "/basic/number")
    assert home.node("/agent1/tempin1").types[0] == TEMPERATURE_SENSOR
    with pytest.raises(KeyError):
        home.node("/agent1/movement1/absent")


@pytest.mark.parametrize(
    ("services", "complaint"),
    [
        ([Service("a", "agent1", THERMOSTAT, "x"), Service("a", "agent2", THERMOSTAT, "x")], "same id"),
        ([Service("a", "agent1", "/toaster", "x")], "/agent1/a: unknown service type /toaster"),
        ([Service("a", "agent1", THERMOSTAT, "x", ("/agent1/b",))], "/agent1/a: unknown partner /agent1/b"),
    ],
)
def test_an_inconsistent_plan_is_refused(services: list[Service], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Floorplan(services)
