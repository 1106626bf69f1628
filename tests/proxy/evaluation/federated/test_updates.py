"""How an update gets in, and what is sent for it."""

from __future__ import annotations

import pytest

from proxy.evaluation.federated.updates import Size, Updates, update
from tests.proxy.evaluation.federated.small import plans


@pytest.fixture(scope="module")
def found() -> Updates:
    return update(1, Size(sites=3, hours=1, watched=25), floorplans=plans)


def test_with_others_an_update_gets_in_at_every_site(found: Updates) -> None:
    federated, isolated = found.roll_outs
    assert federated.federated
    assert not isolated.federated
    assert all(each.accepted_after is not None and each.accepted_after <= 10 for each in federated.arrivals)


def test_with_others_less_of_it_is_refused(found: Updates) -> None:
    federated, isolated = (sum(each.refused for each in roll_out.arrivals) for roll_out in found.roll_outs)
    assert 0 < federated < isolated


def test_bytes_are_those_of_real_contributions(found: Updates) -> None:
    for each in found.costs:
        volume = each.volume
        assert 100 < volume.published / volume.contributions <= volume.largest < 10_000
        assert volume.told > 0
        assert volume.candidates > 0
        assert each.papers == each.services * 24 * 60 * 96
