"""Simulated sites and their attacks."""

from __future__ import annotations

import pytest

from models.access import Operation
from models.descriptor import MINUTE
from models.relationship import key_of
from models.simulation.scenario import START
from models.simulation.service_models import LIGHT_CONTROLLER
from policy.document import ModeSetting
from proxy.evaluation.federated.site import HOUR, LABEL
from tests.proxy.evaluation.federated.small import Counts, site


def test_a_gateway_learns_what_happens_minute_by_minute() -> None:
    place = site(1)
    place.learn(START + 10 * MINUTE)
    model = place.learn(START + HOUR).models()[LIGHT_CONTROLLER]
    assert model == site(1).learn(START + HOUR).models()[LIGHT_CONTROLLER]
    assert 110 <= model.weight <= 120  # two controllers


def test_all_controllers_do_harm_every_quarter_of_a_minute_and_nobody_else() -> None:
    place = site(1)
    place.subvert(START + 10 * MINUTE, 5 * MINUTE)
    rows = place.happenings(START + HOUR)
    harm = [row.access for row in rows if row.label == LABEL]
    assert {each.source for each in harm} == {each.address for each in place.controllers}
    assert len(harm) == 2 * 20
    assert {key_of(each) for each in harm} == {key_of(place.unusual(START))}
    usual = {key_of(row.access) for row in rows if row.label != LABEL and row.access.source_type == LIGHT_CONTROLLER}
    assert key_of(place.unusual(START)) not in usual


def test_a_flood_is_more_of_what_is_usual() -> None:
    place = site(1)
    place.flood(START + 10 * MINUTE, 10 * MINUTE, times=5, controllers=1)
    rows = place.happenings(START + 20 * MINUTE)
    late = [row for row in rows if row.access.time >= START + 10 * MINUTE]
    attacker = place.controllers[0].address
    looks = [row for row in late if row.access.source == attacker and row.access.operation is Operation.GET]
    flood = [row for row in looks if row.label == LABEL]
    assert 4 <= len(flood) / (len(looks) - len(flood)) <= 6


def test_a_site_without_gateway_says_so() -> None:
    with pytest.raises(RuntimeError, match="site1 has no gateway yet"):
        _ = site(1).gateway


def test_a_gateway_is_told_of_what_happens() -> None:
    place, counts = site(1), Counts()
    place.learn(START + HOUR)
    place.protect(ModeSetting.ENFORCE, federated=False)
    place.subvert(START + HOUR, MINUTE)
    place.play(START + HOUR + 5 * MINUTE, counts)
    assert counts.attacks == {"site1": 8}
    assert counts.refused == {"site1": 8}
