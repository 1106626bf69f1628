from __future__ import annotations

from models.access import Access
from models.instance import MAX_FAMILIAR, MAX_OPEN, MAX_PARTNERS, READINGS, Instance
from models.relationship import key_of
from tests.models.accesses import START, access


def learn(instance: Instance, each: Access, room: str | None = None, *, most: int = 128) -> None:
    flow = instance.flow(each, most=most)
    flow.hit(each.time)
    instance.learn(each, flow, room)


def test_instance_counts_once_for_each_room() -> None:
    instance = Instance("/light")
    for room in ("same", "same", "other", "same"):
        learn(instance, access(START), room)
    (relationship,) = instance.close(0, 1).relationships.values()
    assert (relationship.instances, relationship.rooms) == (1, {"same": 1, "other": 1})
    learn(instance, access(START), "same")
    (relationship,) = instance.close(1, 1).relationships.values()
    assert (relationship.instances, relationship.rooms) == (0, {})
    assert instance.familiar(instance.flow(access(START), most=8), "other")
    stranger = Instance("/light")
    assert not stranger.familiar(stranger.flow(access(START), most=8), "other")


def test_access_teaches_what_the_counters_read_when_it_came() -> None:
    # Three accesses wait for their answers; a flood comes; then the first is answered.
    instance = Instance("/light")
    flow = instance.flow(access(START), most=8)
    for offset in range(3):
        flow.hit(START + offset)
    instance.learn(access(START), flow, None)
    (relationship,) = instance.close(0, 1).relationships.values()
    assert relationship.fast.ls == 1000


def test_access_whose_reading_is_lost_in_a_flood_teaches_no_rate() -> None:
    instance = Instance("/light")
    flow = instance.flow(access(START), most=8)
    for offset in range(READINGS + 1):
        flow.hit(START + offset)
    instance.learn(access(START), flow, None)
    (relationship,) = instance.close(0, 1).relationships.values()
    assert (relationship.weight, relationship.fast.n) == (1, 0)


def test_flood_cannot_hide_behind_more_nodes_than_are_remembered() -> None:
    instance = Instance("/light")
    count = 0.0
    for index in range(100):
        flow = instance.flow(access(START + index, node=f"/agent1/movement1/{index}"), most=4)
        flow.hit(START + index)
        count = flow.counters.fast
    assert instance.flows == 4
    assert count > 20


def test_node_whose_type_becomes_known_changes_its_relationship() -> None:
    instance = Instance("/light")
    instance.flow(access(START, destination_type=None), most=8)
    assert instance.flow(access(START), most=8).key == key_of(access(START))
    assert instance.flows == 1


def test_one_minute_is_bounded() -> None:
    instance = Instance("/light")
    for index in range(2_000):
        each = access(START, destination_type=f"/type{index}", destination=f"/agent1/partner{index}")
        learn(instance, each, "same")
    state = instance.state("/agent1/light1")
    assert len(state.open) == MAX_OPEN
    assert len(state.familiar) <= MAX_FAMILIAR
    assert sum(map(len, state.partners.values())) <= MAX_PARTNERS


def test_instance_survives_storage() -> None:
    instance = Instance("/light")
    for index in range(50):
        learn(instance, access(START + 20_000 * index), "same")
    state = instance.state("/agent1/light1")
    assert Instance.restored(state).state("/agent1/light1") == state
