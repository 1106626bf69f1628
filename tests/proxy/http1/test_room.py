"""All streams together are bounded."""

import pytest

from proxy.http1.bad_message import BadMessage
from proxy.http1.room import Room


def test_what_does_not_fit_is_refused_until_room_is_given_back() -> None:
    room = Room(10)
    room.take(6)
    room.take(4)
    with pytest.raises(BadMessage) as refused:
        room.take(1)
    assert refused.value.code == "streams-full"
    room.give_back(6)
    room.take(5)
    assert room.taken == 9
