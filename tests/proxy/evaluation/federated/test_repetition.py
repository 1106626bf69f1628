"""What happened again and again, by arithmetic, is what it is by adding."""

from __future__ import annotations

import pytest

from models.clustering_feature import ClusteringFeature
from models.communication_model import CommunicationModel
from models.descriptor import MINUTE
from models.simulation.scenario import START
from models.simulation.service_models import LIGHT_CONTROLLER
from proxy.evaluation.federated.repetition import both, difference, repeated
from tests.proxy.evaluation.federated.small import site


def learnt(minutes: int) -> CommunicationModel:
    return site(1).learn(START + minutes * MINUTE).models()[LIGHT_CONTROLLER]


def earlier(feature: ClusteringFeature, minutes: int) -> ClusteringFeature:
    n, ls, ss, t, tt = feature.sums
    return ClusteringFeature(n, ls, ss, t - n * minutes, tt - 2 * minutes * t + n * minutes * minutes)


@pytest.mark.parametrize(("times", "every"), [(1, 60), (2, 0), (5, 60)])
def test_sums_are_those_of_each_time(times: int, every: int) -> None:
    model = learnt(20)
    found = repeated(model, times, every)
    assert found.weight == times * model.weight
    for key, each in model.relationships.items():
        expected = ClusteringFeature()
        for number in range(times):
            expected.absorb(earlier(each.fast, number * every))
        assert found.relationships[key].fast == expected
        assert found.relationships[key].fast.plausible
        assert found.relationships[key].instances == each.instances


def test_once_is_the_model_itself_and_nothing_is_shared() -> None:
    model = learnt(20)
    found = repeated(model, 1, 60)
    assert found == model
    found.absorb(model)
    assert model == learnt(20)


def test_a_difference_is_what_was_learnt_in_between() -> None:
    early, late = learnt(20), learnt(40)
    assert both(early, difference(late, early)) == late
