"""Who gets a seat, and who has to leave one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from proxy.federation.configuration import ServiceLimits, StrangerLimits
from proxy.federation.service.seats import MOMENT, Seat, Seats


def seats(connections: int = 16, of_address: int = 64) -> Seats:
    strangers = StrangerLimits(connections_per_address=of_address)
    return Seats(ServiceLimits(connections=connections, connections_per_origin=2, strangers=strangers))


def nobody() -> None:
    """Nothing to end."""


@pytest.fixture
def left() -> list[str]:
    return []


@pytest.fixture
def leaving(left: list[str]) -> Callable[[str], Callable[[], None]]:
    return lambda who: lambda: left.append(who)


def taken(seat: Seat | None) -> Seat:
    assert seat is not None
    return seat


def test_an_address_has_a_part_of_what_strangers_have() -> None:
    room = seats()
    assert [room.arrive("192.0.2.1", 0, nobody) is not None for _ in range(4)] == [True, True, False, False]
    assert [room.arrive("192.0.2.2", 0, nobody) is not None for _ in range(3)] == [True, True, False]
    assert room.arrive("192.0.2.3", 0, nobody) is None
    assert room.strangers == 4


def test_a_network_of_ipv6_is_one_address() -> None:
    room = seats()
    assert [room.arrive(f"2001:db8::{n}", 0, nobody) is not None for n in (1, 2, 3)] == [True, True, False]
    assert room.arrive("2001:db8:0:1::1", 0, nobody) is not None


def test_who_has_been_there_longest_makes_room_after_a_moment(
    left: list[str], leaving: Callable[[str], Callable[[], None]]
) -> None:
    room = seats()
    for number, address in enumerate(("192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.2")):
        taken(room.arrive(address, number / 10, leaving(f"{number}")))
    assert room.arrive("192.0.2.3", MOMENT - 0.1, leaving("early")) is None
    taken(room.arrive("192.0.2.2", 0.2 + MOMENT, leaving("of the same address")))
    taken(room.arrive("192.0.2.3", 0.2 + MOMENT, leaving("of another")))
    assert left == ["2", "0"]
    assert room.strangers == 4


def test_members_leave_their_strangers_seat_and_have_a_number_of_their_own() -> None:
    room = seats()
    for number in range(12):
        assert room.become_member(taken(room.arrive("192.0.2.1", 0, nobody)), f"site-{number // 2}")
    assert (room.members, room.strangers) == (12, 0)
    late = taken(room.arrive("192.0.2.1", 0, nobody))
    assert not room.become_member(late, "site-late")
    room.vacate(late)
    assert (room.members, room.strangers) == (12, 0)


def test_one_origin_has_no_more_than_agreed_until_it_leaves_some() -> None:
    room = seats()
    first, second, third = (taken(room.arrive(f"192.0.2.{n}", 0, nobody)) for n in range(3))
    assert [room.become_member(each, "site-a") for each in (first, second, third)] == [True, True, False]
    room.vacate(first)
    room.vacate(first)  # told twice
    assert room.members == 1
    assert room.become_member(third, "site-a")


def test_who_had_to_leave_in_its_handshake_becomes_no_member() -> None:
    room = seats()
    first = taken(room.arrive("192.0.2.1", 0, nobody))
    taken(room.arrive("192.0.2.1", 0, nobody))
    taken(room.arrive("192.0.2.1", MOMENT, nobody))
    assert not room.become_member(first, "site-a")
    assert (room.members, room.strangers) == (0, 2)
