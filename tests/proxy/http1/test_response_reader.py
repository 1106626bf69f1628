from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.http1.bad_message import BadMessage
from proxy.http1.response_reader import ResponseReader

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
TO_THE_END = b"HTTP/1.1 200 OK\r\n\r\nhello"
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"


def read(data: bytes, *, method: str = "GET", step: int = 1 << 20, ends: bool = False) -> tuple[ResponseReader, bytes]:
    taken, content = ResponseReader(method, 1024), b""
    for at in range(0, len(data), step):
        content += taken.feed(data[at : at + step])
    if ends:
        taken.end()
    return taken, content


@given(st.sampled_from([OK, CHUNKED, INTERIM + OK, TO_THE_END]), st.integers(1, 60))
def test_an_answer_is_read_however_it_comes(data: bytes, step: int) -> None:
    taken, content = read(data, step=step, ends=data is TO_THE_END)
    assert (content, taken.finished) == (b"hello", True)
    assert taken.head is not None
    assert (taken.head.status, taken.head.reason) == (200, "OK")


@pytest.mark.parametrize(
    ("method", "head"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ],
)
def test_answers_without_a_body_end_with_their_head(method: str, head: bytes) -> None:
    assert read(head, method=method)[0].finished
    with pytest.raises(BadMessage, match="more than the answer"):
        read(head + b"hello", method=method)


@pytest.mark.parametrize(
    "data",
    [
        b"220 smtp.example\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\nY: b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\n\r\n",
        OK + OK,
        b"HTTP/1.1 200 OK\r\nContent-Length: 1025\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1025,
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10_000,
    ],
)
def test_an_answer_that_could_run_into_the_next_is_refused(data: bytes) -> None:
    for step in (1, 1 << 20):
        with pytest.raises(BadMessage):
            read(data, step=step)


@pytest.mark.parametrize("data", [b"", OK[:10], OK[:-1], CHUNKED[:-1]])
def test_an_answer_that_is_cut_off_is_none(data: bytes) -> None:
    with pytest.raises(BadMessage, match="closed before"):
        read(data, ends=True)


@pytest.mark.parametrize(
    ("head", "keeps"),
    [
        (b"HTTP/1.1 200 OK\r\n", True),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n", False),
        (b"HTTP/1.0 200 OK\r\n", False),
    ],
)
def test_whether_the_connection_goes_on_is_told(head: bytes, keeps: bool) -> None:
    found = read(head + b"Content-Length: 0\r\n\r\n")[0].head
    assert found is not None
    assert found.keep_alive is keeps


def test_another_protocol_begins_after_the_head() -> None:
    taken, content = read(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x00"
    )
    assert (taken.switched, content, taken.rest()) == (True, b"", b"\x81\x00")


def test_the_same_head_is_read_by_what_was_asked_for() -> None:
    for method, content in (("GET", b"hello"), ("HEAD", b""), ("GET", b"hello")):
        taken, read_content = read(OK.removesuffix(b"hello") + content, method=method)
        assert (taken.finished, read_content) == (True, content)
        assert taken.head is not None
        assert taken.head.length == 5
    small = ResponseReader("GET", 4)
    with pytest.raises(BadMessage, match="larger than 4 bytes"):
        small.feed(OK)
