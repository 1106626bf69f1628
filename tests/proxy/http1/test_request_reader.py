from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.decoders.base import Request
from proxy.http1.bad_message import BadMessage
from proxy.http1.chunked import LAST_CHUNK, chunk
from proxy.http1.head import HeadLimits
from proxy.http1.request_reader import Authority, Progress, RequestReader
from proxy.http1.room import BodyLimits, Room
from tests.proxy.http1.requests import HOSTILE

GET = b"GET /vsl/agent1?depth=1 HTTP/1.1\r\nHost: a:8081\r\nAccept: application/json\r\n\r\n"
PUT = b"PUT /vsl/agent1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"


def reader() -> RequestReader:
    limits = HeadLimits(line_bytes=1024, head_bytes=4096, fields=32)
    return RequestReader(Authority("198.51.100.11", 8081), limits, BodyLimits(4096, 8192), Room(10_000))


def read(data: bytes, cuts: list[int] | None = None) -> list[Request | str]:
    """Return the requests in some bytes, and the reason where they end in a refusal; cut at the given places."""
    taken, found = reader(), list[Request | str]()
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts or []), len(data)]
    for begin, end in pairwise(edges):
        taken.feed(data[begin:end])
        try:
            while (received := taken.next()) is not None:
                found.append(received.request)
        except BadMessage as bad:
            return [*found, bad.code]
    return found


def test_requests_are_read_whole_and_one_after_the_other() -> None:
    assert read(PUT + GET) == [
        Request("PUT", "/vsl/agent1/x", (("host", "a"), ("content-length", "5")), b"hello"),
        Request("GET", "/vsl/agent1?depth=1", (("host", "a:8081"), ("accept", "application/json")), b""),
    ]


def test_a_body_may_come_in_chunks() -> None:
    head = b"PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"
    (request,) = read(head + chunk(b"he") + chunk(b"llo") + LAST_CHUNK)
    assert isinstance(request, Request)
    assert request.body == b"hello"


def test_a_whole_url_that_names_the_access_point_is_read_as_its_path() -> None:
    for target, path in (("http://198.51.100.11:8081/a?b", "/a?b"), ("HTTP://198.51.100.11:8081", "/")):
        (request,) = read(f"GET {target} HTTP/1.1\r\nHost: 198.51.100.11:8081\r\n\r\n".encode())
        assert isinstance(request, Request)
        assert request.target == path


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_request_is_refused_with_its_own_reason(name: str) -> None:
    data, code = HOSTILE[name]
    assert read(data) == [code]
    assert read(data, list(range(len(data)))) == [code]


@given(st.sampled_from(sorted(HOSTILE)), st.lists(st.integers(0, 9999), max_size=8))
def test_how_bytes_are_split_makes_no_difference(name: str, cuts: list[int]) -> None:
    data, code = HOSTILE[name]
    assert read(data, cuts) == [code]
    assert read(PUT + GET + data, cuts) == [*read(PUT + GET), code]


@given(st.binary(max_size=200), st.lists(st.integers(0, 9999), max_size=8))
def test_no_bytes_raise_anything_else_nor_depend_on_their_pieces(data: bytes, cuts: list[int]) -> None:
    assert read(GET + data, cuts) == read(GET + data)


def test_a_wish_to_close_is_told_in_whatever_list_it_stands() -> None:
    for value, keeps in ((b"close", False), (b"keep-alive, Close", False), (b"keep-alive", True), (b"closed", True)):
        taken = reader()
        taken.feed(GET.replace(b"Accept: application/json", b"Connection: " + value))
        received = taken.next()
        assert received is not None
        assert received.keep_alive is keeps


def test_who_waits_for_a_go_on_is_told_once_and_only_while_the_body_is_missing() -> None:
    expecting = PUT.replace(b"\r\n\r\nhello", b"\r\nExpect: 100-continue\r\n\r\n")
    taken = reader()
    taken.feed(expecting)
    assert taken.next() is None
    assert (taken.take_expectation(), taken.take_expectation()) == (True, False)
    at_once = reader()
    at_once.feed(expecting + b"hello")
    assert at_once.next() is not None
    assert not at_once.take_expectation()


def test_progress_and_line_tell_how_far_a_request_has_come() -> None:
    taken = reader()
    steps = []
    for piece in (b"", b"PUT", b" /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n", b"x", b"y"):
        taken.feed(piece)
        taken.next()
        steps.append(taken.progress)
    assert steps == [Progress.NOTHING, Progress.HEAD, Progress.BODY, Progress.BODY, Progress.NOTHING]
    assert taken.line == "PUT /a"


@pytest.mark.parametrize("body", [b"Content-Length: 4097\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n"])
def test_of_a_request_that_ends_in_its_body_it_is_known_whose_it_was(body: bytes) -> None:
    taken = reader()
    taken.feed(b"PUT /a HTTP/1.1\r\nHost: a\r\nAuthorization: VSL x\r\n" + body)
    with pytest.raises(BadMessage):
        taken.next()
    assert taken.begun is not None
    assert (taken.begun.method, taken.begun.target, taken.begun.body) == ("PUT", "/a", b"")
    assert ("authorization", "VSL x") in taken.begun.headers


def test_of_a_request_whose_head_is_malformed_nothing_is_begun() -> None:
    taken = reader()
    taken.feed(b"PUT /a HTTP/1.1\r\nHost: a\r\nHost: b\r\nAuthorization: VSL x\r\n\r\n")
    with pytest.raises(BadMessage):
        taken.next()
    assert (taken.begun, taken.line) == (None, "PUT /a")


def test_the_same_head_is_read_by_each_reader_s_own_rules() -> None:
    limits = HeadLimits(line_bytes=1024, head_bytes=4096, fields=32)
    whole = b"PUT http://198.51.100.11:8081/a HTTP/1.1\r\nHost: 198.51.100.11:8081\r\nContent-Length: 5\r\n\r\nhello"
    for host, most, code in (
        ("198.51.100.11", 5, None),
        ("198.51.100.12", 5, "absolute-form"),
        ("198.51.100.11", 4, "body-too-large"),
        ("198.51.100.11", 5, None),
    ):
        taken = RequestReader(Authority(host, 8081), limits, BodyLimits(most, most), Room(most))
        taken.feed(whole)
        if code is None:
            received = taken.next()
            assert received is not None
            assert (received.request.target, received.request.body) == ("/a", b"hello")
        else:
            with pytest.raises(BadMessage) as caught:
                taken.next()
            assert caught.value.code == code


def test_the_same_head_may_be_followed_by_another_body() -> None:
    assert [each.body for each in read(PUT + PUT.replace(b"hello", b"world")) if isinstance(each, Request)] == [
        b"hello",
        b"world",
    ]


STREAM = b"PUT /vsl/agent1/x HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\n"


@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_a_stream_may_be_larger_than_other_bodies_up_to_a_limit_of_its_own(framing: str) -> None:
    def stream(size: int) -> bytes:
        if framing == "length":
            return STREAM + b"Content-Length: %d\r\n\r\n" % size + b"x" * size
        return STREAM + b"Transfer-Encoding: chunked\r\n\r\n" + chunk(b"x" * size) + LAST_CHUNK

    (request,) = read(stream(8192))
    assert isinstance(request, Request)
    assert len(request.body) == 8192
    assert read(stream(8193)) == ["body-too-large"]
    for other in (b"octet-stream; a", b"octet-streams", b"json"):
        assert read(stream(4097).replace(b"octet-stream", other)) == ["body-too-large"]
    assert read(stream(4097).replace(b"PUT", b"POST")) == ["body-too-large"]
    assert read(stream(4097).replace(b"Host: a", b"Host: a\r\nContent-Type: a/b")) == ["body-too-large"]


def test_streams_of_all_connections_share_their_room_and_only_what_has_come_takes_it() -> None:
    limits = HeadLimits(line_bytes=1024, head_bytes=4096, fields=32)
    room = Room(10_000)
    one, other = (
        RequestReader(Authority("198.51.100.11", 8081), limits, BodyLimits(4096, 8192), room) for _ in range(2)
    )
    whole = STREAM + b"Content-Length: 8000\r\n\r\n"
    one.feed(whole + b"x" * 7999)
    assert one.next() is None
    assert room.taken == 7999
    other.feed(whole + b"x" * 2000)
    assert other.next() is None
    other.feed(b"x" * 2)
    with pytest.raises(BadMessage) as refused:
        other.next()
    assert refused.value.code == "streams-full"
    other.give_room_back()
    one.feed(b"x")
    assert one.next() is not None
    assert room.taken == 8000
    one.give_room_back()
    one.give_room_back()
    assert room.taken == 0


def test_a_refused_head_is_refused_again() -> None:
    twice = b"GET /a HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"
    assert read(twice) == read(twice) == ["bad-host"]


def test_a_long_head_is_read_like_a_short_one() -> None:
    long = b"GET /a HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 3000 + b"\r\n\r\n"
    (first,), (second,) = read(long), read(long)
    assert isinstance(first, Request)
    assert first == second
    assert first.headers[1] == ("x", "x" * 3000)
