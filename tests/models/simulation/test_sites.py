"""Sites that differ."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.simulation.service_models import (
    BATTERY,
    LIGHT_CONTROLLER,
    MOVEMENT_SENSOR,
    SMART_PHONE,
    TEMPERATURE_SENSOR,
    THERMOSTAT,
    WASHING_MACHINE,
)
from models.simulation.sites import make_sites, sites_expression


@settings(max_examples=25)
@given(count=st.integers(1, 12), seed=st.integers(0, 1000))
def test_no_two_sites_share_an_address_and_agents_are_numbered_through(count: int, seed: int) -> None:
    sites = make_sites(count, seed)
    agents = [agent for site in sites for agent in site.agents]
    assert agents == [f"agent{number}" for number in range(1, len(agents) + 1)]
    addresses = [service.address for site in sites for service in site.services]
    assert len(set(addresses)) == len(addresses)
    for site in sites:
        for kind in (LIGHT_CONTROLLER, MOVEMENT_SENSOR, TEMPERATURE_SENSOR):
            assert tuple(service.agent for service in site.of_type(kind)) == site.agents


def test_four_sites_are_spread_like_the_four_of_the_data_set() -> None:
    for seed in range(20):
        sites = make_sites(4, seed)
        assert sum(len(site.of_type(BATTERY)) for site in sites) == 6
        assert sum(len(site.of_type(WASHING_MACHINE)) for site in sites) == 3
        assert sum(len(site.of_type(THERMOSTAT)) for site in sites) == 4
        assert sum(len(site.of_type(SMART_PHONE)) for site in sites) == 3
        assert 18 <= sum(len(site.agents) for site in sites) <= 26


def test_the_same_seed_gives_the_same_sites_and_another_one_others() -> None:
    def services(seed: int) -> list[object]:
        return [site.services for site in make_sites(4, seed)]

    assert services(1) == services(1)
    assert len({len(site.agents) for seed in range(20) for site in make_sites(1, seed)}) > 1


def test_the_expression_names_the_agents_of_each_site() -> None:
    sites = make_sites(3, 5)
    first = len(sites[0].agents)
    second = first + len(sites[1].agents)
    third = second + len(sites[2].agents)
    assert sites_expression(sites) == f"1-{first},{first + 1}-{second},{second + 1}-{third}"


def test_there_is_at_least_one_site() -> None:
    with pytest.raises(ValueError, match="at least one"):
        make_sites(0, 1)
