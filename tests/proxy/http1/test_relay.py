from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage

from proxy.http1.bad_message import BadMessage
from proxy.http1.call import Relayed
from proxy.http1.relay import MessageLimits, Relay, Sent

MOST = 1000
LIMITS = MessageLimits(of_service=MOST, of_access_point=3 * MOST)


class Shouting:
    """Passes messages of the service on in capitals, and answers those of the access point."""

    def __init__(self) -> None:
        self.kinds: list[bool] = []

    def opened(self, content_type: str | None) -> None:
        raise AssertionError("opened before")

    def from_service(self, content: bytes, *, text: bool) -> Relayed:
        self.kinds.append(text)
        return Relayed(onward=content.upper(), binary=not text)

    def from_access_point(self, content: bytes, *, text: bool) -> Relayed:
        self.kinds.append(text)
        return Relayed(back=b"heard " + content, binary=not text)


class Ends:
    """Both ends of a channel, with the relay between them."""

    def __init__(self) -> None:
        self.channel = Shouting()
        self.relay = Relay(self.channel, LIMITS)
        self.service, self.access_point = Connection(ConnectionType.CLIENT), Connection(ConnectionType.SERVER)
        self.sent = Sent()

    def from_service(self, *events: TextMessage | BytesMessage | Ping | Pong | CloseConnection) -> None:
        self.sent = self.relay.from_service(b"".join(map(self.service.send, events)))

    def from_access_point(self, *events: TextMessage | BytesMessage | Ping | Pong | CloseConnection) -> None:
        self.sent = self.relay.from_access_point(b"".join(map(self.access_point.send, events)))

    def at_service(self) -> list[object]:
        self.service.receive_data(bytes(self.sent.to_service))
        return list(self.service.events())

    def at_access_point(self) -> list[object]:
        self.access_point.receive_data(bytes(self.sent.to_access_point))
        return list(self.access_point.events())


def test_messages_go_on_as_they_were_judged_and_answers_come_back() -> None:
    ends = Ends()
    ends.from_service(TextMessage(data="hello"))
    assert ends.at_access_point() == [TextMessage(data="HELLO")]
    ends.from_access_point(TextMessage(data="you"))
    assert (ends.at_access_point(), ends.at_service()) == ([TextMessage(data="heard you")], [])


def test_a_message_in_parts_is_judged_whole() -> None:
    ends = Ends()
    parts = [TextMessage(data=part, message_finished=part == "c") for part in ("a", "b", "", "c")]
    ends.from_service(*parts[:3])
    assert ends.at_access_point() == []
    ends.from_service(parts[3])
    assert ends.at_access_point() == [TextMessage(data="ABC")]


def test_binary_messages_are_told_apart() -> None:
    ends = Ends()
    ends.from_service(BytesMessage(data=b"x"))
    assert ends.channel.kinds == [False]
    assert ends.at_access_point() == [BytesMessage(data=b"X")]
    ends.from_access_point(BytesMessage(data=b"\xff"))
    assert ends.at_access_point() == [BytesMessage(data=b"heard \xff")]


def test_pings_are_answered_here_and_the_other_end_is_asked_with_nothing_in_it() -> None:
    ends = Ends()
    ends.from_service(Ping(payload=b"secret"))
    assert ends.at_service() == [Pong(payload=b"secret")]
    assert ends.at_access_point() == [Ping(payload=b"")]
    ends.from_access_point(Pong(payload=b"anything"))
    assert (ends.at_access_point(), ends.at_service()) == ([], [])


def test_a_close_ends_both_sides_and_carries_no_reason_over() -> None:
    ends = Ends()
    late = Connection(ConnectionType.CLIENT).send(TextMessage(data="late"))
    ends.sent = ends.relay.from_service(ends.service.send(CloseConnection(code=4000, reason="secret")) + late)
    assert ends.sent.closed
    (close,) = ends.at_access_point()
    assert isinstance(close, CloseConnection)
    assert (close.code, close.reason) == (1000, "")
    assert ends.channel.kinds == []


@pytest.mark.parametrize(
    ("parts", "finished"), [(["x" * (MOST + 1)], True), (["x" * (MOST + 1)], False), (["x" * 600, "x" * 600], False)]
)
def test_a_message_that_is_too_large_ends_the_channel(parts: list[str], finished: bool) -> None:
    ends = Ends()
    with pytest.raises(BadMessage) as refused:
        ends.from_service(*[TextMessage(data=part, message_finished=finished) for part in parts])
    assert refused.value.code == "message-too-large"


def test_each_side_has_a_limit_of_its_own() -> None:
    ends = Ends()
    ends.from_access_point(TextMessage(data="x" * 3 * MOST))
    assert len(ends.at_access_point()) == 1
    with pytest.raises(BadMessage, match="larger than 3000 bytes"):
        ends.from_access_point(TextMessage(data="x" * 3 * MOST + "x"))


@pytest.mark.parametrize(
    "data",
    [
        b"\x81\x01a",  # not masked
        b"\xc1\x81\0\0\0\0a",  # compressed, which nobody agreed on
        b"\x83\x80\0\0\0\0",  # an opcode that does not exist
        b"\x09\x80\0\0\0\0",  # a ping in parts
        b"\x89\xfe\x00\x7e\0\0\0\0",  # a ping that is too large
        b"\x80\x80\0\0\0\0",  # goes on with nothing
        b"\x81\x81\0\0\0\0\xff",  # not UTF-8
    ],
)
def test_what_breaks_the_protocol_ends_the_channel(data: bytes) -> None:
    with pytest.raises(BadMessage) as refused:
        Relay(Shouting(), LIMITS).from_service(data)
    assert refused.value.code == "malformed-frame"


@given(st.lists(st.text(max_size=20), max_size=5), st.integers(1, 30))
def test_how_bytes_are_split_makes_no_difference(texts: list[str], step: int) -> None:
    ends = Ends()
    data = b"".join(ends.service.send(TextMessage(data=text)) for text in texts)
    sent = b"".join(
        bytes(ends.relay.from_service(data[at : at + step]).to_access_point) for at in range(0, len(data), step)
    )
    ends.access_point.receive_data(sent)
    heard = "".join(event.data for event in ends.access_point.events() if isinstance(event, TextMessage))
    assert heard.encode() == b"".join(text.encode().upper() for text in texts)
