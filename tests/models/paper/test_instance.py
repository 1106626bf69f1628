from __future__ import annotations

from models.access import Access, Operation
from models.paper.instance import MAX_CATEGORIES, MAX_PARTNER_TYPES, Instance
from tests.models.accesses import MINUTE, START, access


def learn(instance: Instance, each: Access) -> None:
    flow = instance.flow(each, most=10)
    flow.hit(each.time)
    instance.learn(each, flow)


def test_a_minute_in_a_descriptor() -> None:
    instance = Instance("/light")
    learn(instance, access(START, rooms=("Kitchen", "Kitchen")))
    learn(instance, access(START + 1, destination="/agent2/movement2", rooms=("Kitchen", "Bath"), data_type=None))
    learn(instance, access(START + 2, operation=Operation.SET))
    minute = START // MINUTE
    row = instance.close(minute).relationships["/movement"]
    assert row.weight == 1
    assert row.partners[2].sums == (1, 2, 4, minute, minute**2)
    assert list(row.rooms) == [("other", "same")]
    assert list(row.operations) == [("get", "set")]
    assert list(row.data_types) == [("/derived/boolean",)]
    assert row.periods == {}
    assert instance.close(minute + 1).relationships == {}


def test_periods_are_reported_for_each_operation() -> None:
    instance = Instance("/light")
    for beat in range(21):
        learn(instance, access(START + 1000 * beat))
        learn(instance, access(START + 1000 * beat, operation=Operation.SET, destination="/agent1/lock1"))
    row = instance.close(START // MINUTE).relationships["/movement"]
    assert {(operation, feature.mean) for (operation, _), feature in row.periods.items()} == {
        ("get", 1000),
        ("set", 1000),
    }
    assert sum(feature.n for feature in row.periods.values()) == 40


def test_a_report_does_not_grow_with_the_traffic() -> None:
    quiet, busy = Instance("/light"), Instance("/light")
    learn(quiet, access(START))
    for number in range(500):
        learn(busy, access(START + number * number))  # without a period
    minute = START // MINUTE
    assert quiet.close(minute) == busy.close(minute)


def test_a_scan_is_counted_while_it_goes_on() -> None:
    instance = Instance("/light")
    found = []
    for number in range(4):
        each = access(START + number, destination=f"/agent1/movement{number % 3}")
        found.append(instance.partners_with(each))
        learn(instance, each)
    assert found == [1, 2, 3, 3]


def test_what_an_instance_claims_without_end_is_bounded() -> None:
    instance = Instance("/light")
    for number in range(200):
        learn(instance, access(START, destination_type=f"/t{number}", destination=f"/agent1/d{number}"))
        learn(instance, access(START, data_type=f"/t{number}"))
    report = instance.close(START // MINUTE)
    assert len(report.relationships) == MAX_PARTNER_TYPES
    (types,) = report.relationships["/movement"].data_types
    assert len(types) == MAX_CATEGORIES
    assert instance.flows == 10


def test_only_who_was_learnt_is_known() -> None:
    instance = Instance("/light")
    instance.flow(access(START), most=10)
    assert not instance.known
    learn(instance, access(START))
    assert instance.known
