"""Sites that are moved on together."""

from __future__ import annotations

from models.descriptor import MINUTE
from models.simulation.scenario import START
from policy.document import ModeSetting
from proxy.evaluation.federated.service import Service
from proxy.evaluation.federated.site import HOUR
from proxy.evaluation.federated.world import World
from tests.proxy.evaluation.federated.small import Counts, site


def test_an_empty_site_is_protected_by_what_others_learnt_from_the_second_minute_on() -> None:
    counts = Counts()
    teachers = [site(number) for number in (1, 2)]
    for each in teachers:
        each.learn(START + HOUR)
        each.protect(ModeSetting.ENFORCE, federated=True)
    new = site(3)
    new.learn(START)
    new.protect(ModeSetting.ENFORCE, federated=True)
    new.subvert(START + HOUR + 2 * MINUTE, 3 * MINUTE)
    world = World([*teachers, new], Service(), start=START + HOUR)
    world.run(START + HOUR + 5 * MINUTE, counts)
    assert counts.refused["site3"] == counts.attacks["site3"] > 0
    volume = world.volumes["site3"]
    assert volume.told > 0
    assert volume.published <= volume.contributions * volume.largest


def test_without_a_service_nobody_hears_of_anybody() -> None:
    counts = Counts()
    old, new = site(1), site(2)
    old.learn(START + HOUR)
    for each in (old, new):
        each.protect(ModeSetting.ENFORCE, federated=False)
    new.subvert(START + HOUR, MINUTE)
    world = World([old, new], None, start=START + HOUR)
    world.run(START + HOUR + 2 * MINUTE, counts)
    assert counts.refused["site2"] == 0
    assert world.volumes["site1"].total == world.volumes["site2"].total == 0


def test_a_site_that_was_taken_out_is_neither_heard_nor_told() -> None:
    one, other, service = site(1), site(2), Service()
    for each in (one, other):
        each.learn(START + HOUR)
        each.protect(ModeSetting.ENFORCE, federated=True)
    world = World([one, other], service, start=START + HOUR)
    world.run(START + HOUR + 2 * MINUTE, Counts())
    before = world.volumes["site1"].total
    service.remove("site1")
    world.run(START + HOUR + 4 * MINUTE, Counts())
    assert world.volumes["site1"].total == before
    assert all(service.pool(name).origins == 1 for name in service.types)
