"""How often one caller may ask, and how much is done at a time."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.federation.configuration import ServiceLimits, StrangerLimits
from proxy.federation.service import limits
from proxy.federation.service.limits import Rates, Slots, neighbourhood
from proxy.federation.service.problem import Failure


def refused(caught: Any) -> tuple[int, str, str]:
    failure: Failure = caught.value
    return failure.status, failure.code, failure.headers["Retry-After"]


def test_a_caller_has_its_burst_and_then_its_rate() -> None:
    rates = Rates(per_second=2, burst=3)
    for _ in range(3):
        rates.take("a", 10.0)
    with pytest.raises(Failure) as caught:
        rates.take("a", 10.1)
    assert refused(caught) == (429, "rate", "1")
    rates.take("b", 10.1)
    rates.take("a", 10.5)
    with pytest.raises(Failure):
        rates.take("a", 10.6)


def test_asking_in_vain_costs_nothing() -> None:
    rates = Rates(per_second=1, burst=1)
    rates.take("a", 0.0)
    for tenth in range(1, 10):
        with pytest.raises(Failure):
            rates.take("a", tenth / 10)
    rates.take("a", 1.0)


def test_who_sends_a_lot_waits_for_longer_and_is_not_shut_out() -> None:
    rates = Rates(per_second=2, burst=3)
    rates.take("a", 0.0)
    rates.charge("a", limits.WORK - 1, 0.0)
    rates.take("a", 0.0)
    rates.charge("a", 5 * limits.WORK, 0.0)
    with pytest.raises(Failure) as caught:
        rates.take("a", 0.0)
    assert refused(caught) == (429, "rate", "3")
    rates.take("a", 2.5)
    rates.take("b", 0.0)


def test_who_is_told_to_come_back_is_let_in_then() -> None:
    rates = Rates(per_second=0.1, burst=1)
    rates.take("a", 0.0)
    with pytest.raises(Failure) as caught:
        rates.take("a", 1.0)
    rates.take("a", 1.0 + int(refused(caught)[2]))


def test_callers_that_were_silent_longest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_TOLD_APART", 2)
    rates = Rates(per_second=0.001, burst=1)
    for caller in ("a", "b", "c"):
        rates.take(caller, 0.0)
    rates.take("a", 0.1)
    with pytest.raises(Failure):
        rates.take("c", 0.1)


def test_no_more_are_worked_on_than_agreed() -> None:
    slots = Slots(ServiceLimits(requests=1))
    with slots.work():
        with pytest.raises(Failure) as caught, slots.work():
            pass
        assert refused(caught) == (503, "busy", "1")
    with slots.work():
        assert slots.working == 1


def test_who_waits_makes_room_for_who_works() -> None:
    slots = Slots(ServiceLimits(requests=1, waiting=2, waiting_per_origin=1))
    with slots.work(), slots.wait("a"), slots.work():
        with pytest.raises(Failure) as caught, slots.wait("a"):
            pass
        assert refused(caught) == (429, "waiting", "5")
        with slots.wait("b"), slots.work():
            with pytest.raises(Failure) as caught, slots.wait("c"):
                pass
            assert refused(caught) == (503, "busy", "10")
    assert (slots.working, slots.waiting) == (0, 0)
    with slots.work(), slots.wait("a"):
        assert (slots.working, slots.waiting) == (0, 1)


def test_strangers_and_members_take_nothing_from_each_other() -> None:
    slots = Slots(ServiceLimits(requests=1, strangers=StrangerLimits(requests=1)))
    with slots.visit():
        with pytest.raises(Failure) as caught, slots.visit():
            pass
        assert refused(caught) == (503, "busy", "1")
        with slots.work(), pytest.raises(Failure), slots.work():
            pass
    with slots.work(), slots.visit():
        assert (slots.working, slots.visiting) == (1, 1)
    assert (slots.working, slots.visiting) == (0, 0)


@pytest.mark.parametrize(
    ("address", "shared"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        (None, ""),
    ],
)
def test_who_has_a_network_has_no_more_than_who_has_an_address(address: str | None, shared: str) -> None:
    assert neighbourhood(address) == shared
