"""A gateway without sockets, which speaks in the real bytes."""

from __future__ import annotations

from models.contributions import Contribution
from models.descriptor import MINUTE
from models.exchange.envelope import decode_contribution, encode_others
from models.exchange.pool import Pool
from models.exchange.shared import Others
from models.simulation.scenario import START
from models.simulation.service_models import LIGHT_CONTROLLER
from policy.document import ModeSetting
from policy.verdict import Action
from proxy.evaluation.federated.gateway import Gateway
from proxy.evaluation.federated.site import HOUR
from tests.proxy.evaluation.federated.small import site


def told(number: int, minutes: int = 60) -> bytes:
    """What a service tells of light controllers of one site."""
    model = site(number).learn(START + minutes * MINUTE).models()[LIGHT_CONTROLLER]
    pool = Pool(LIGHT_CONTROLLER)
    pool.put("other", Contribution(epoch=1, sequence=1, model=model))
    return encode_others(Others(elsewhere=pool.without(None)))


def test_what_it_publishes_is_what_it_learnt_alone_and_newer_each_time() -> None:
    place = site(1)
    learnt = place.learn(START + HOUR).models()[LIGHT_CONTROLLER]
    gateway = Gateway(place.learn(START + HOUR).dump(), mode=ModeSetting.ENFORCE, federated=True)
    gateway.adopt(LIGHT_CONTROLLER, told(2), START + HOUR)
    now_minute = (START + HOUR) // MINUTE
    first, second = (
        decode_contribution(LIGHT_CONTROLLER, gateway.publish()[LIGHT_CONTROLLER], now_minute=now_minute)
        for _ in range(2)
    )
    assert first.model == second.model == learnt
    assert (first.epoch, first.sequence) < (second.epoch, second.sequence)


def test_an_empty_gateway_judges_by_what_others_know() -> None:
    harm = site(1).unusual(START)
    gateway = Gateway(mode=ModeSetting.ENFORCE, federated=True)
    assert gateway.judge(harm).action is Action.FORWARD
    gateway = Gateway(mode=ModeSetting.ENFORCE, federated=True)
    gateway.adopt(LIGHT_CONTROLLER, told(2), START)
    assert gateway.judge(harm).action is not Action.FORWARD


def test_a_probe_does_not_teach() -> None:
    place = site(1)
    gateway = Gateway(place.learn(START + HOUR).dump(), mode=ModeSetting.LEARN, federated=False)
    before = gateway.publish()[LIGHT_CONTROLLER]
    harm = place.unusual(START + HOUR)
    first = gateway.probe(harm).av
    gateway.tick(START + HOUR + 2 * MINUTE)
    assert gateway.probe(place.unusual(START + HOUR + 2 * MINUTE)).av == first
    assert len(gateway.publish()[LIGHT_CONTROLLER]) == len(before)
    assert not gateway.expects(harm)


def test_it_goes_on_with_what_it_stored() -> None:
    gateway = Gateway(site(1).learn(START + HOUR).dump(), mode=ModeSetting.ENFORCE, federated=True)
    gateway.adopt(LIGHT_CONTROLLER, told(2), START + HOUR)
    again = Gateway(gateway.dump(), mode=ModeSetting.ENFORCE, federated=True)
    assert again.publish() == gateway.publish()
    harm = site(1).unusual(START + HOUR)
    assert again.probe(harm).av == gateway.probe(harm).av
