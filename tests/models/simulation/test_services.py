"""From services to behaviours."""

from __future__ import annotations

import pytest

from models.access import Operation
from models.simulation.floorplan import Service, family_home
from models.simulation.services import behaviour
from models.simulation.step import Answer

HOME = family_home()


@pytest.mark.parametrize("service", HOME.services, ids=lambda service: service.id)
def test_every_service_registers_settles_and_lives(service: Service) -> None:
    life = behaviour(service, HOME, seed=1, start=1_000_000)
    registration = life.take()
    assert registration.operation is Operation.REGISTER
    assert (registration.node, registration.value) == (service.address, service.type)
    assert 1_000_000 <= registration.time < 1_431_000
    life.answer(Answer(registration.time + 60))
    assert life.due is not None
    assert life.due >= registration.time + 49_000


def test_partners_register_before_those_who_need_them() -> None:
    registered = {service.address: behaviour(service, HOME, seed=1, start=0).take().time for service in HOME.services}
    for service in HOME.services:
        assert all(registered[partner] <= registered[service.address] for partner in service.partners)


def test_a_notified_service_reads_the_node_again() -> None:
    life = behaviour(HOME.services[0], HOME, seed=1, start=0)
    life.notified("/agent1/battery1/charge", 1000)
    times = []
    for _ in range(2):
        step = life.take()
        times.append((step.operation, step.node))
        life.answer(Answer(step.time))
    assert (Operation.GET, "/agent1/battery1/charge") in times
