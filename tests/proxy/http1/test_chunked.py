from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.http1.bad_message import BadMessage
from proxy.http1.chunked import LAST_CHUNK, ChunkedDecoder, chunk


def decoded(data: bytes, step: int = 1 << 20) -> tuple[bytes, bool, bytes]:
    """Content, whether it is complete, and what is left."""
    decoder, buffer, content = ChunkedDecoder(), bytearray(), b""
    for at in range(0, len(data), step):
        buffer += data[at : at + step]
        content += b"".join(decoder.take(buffer))
    return content, decoder.finished, bytes(buffer)


@given(st.lists(st.binary(min_size=1, max_size=40)), st.integers(1, 50))
def test_what_was_written_in_chunks_is_read_however_it_comes(pieces: list[bytes], step: int) -> None:
    coded = b"".join(map(chunk, pieces)) + LAST_CHUNK
    assert decoded(coded, step) == (b"".join(pieces), True, b"")


def test_what_follows_is_left() -> None:
    assert decoded(b"2\r\nab\r\n0\r\n\r\nGET /") == (b"ab", True, b"GET /")


def test_sizes_are_hexadecimal_in_either_case_with_leading_zeros() -> None:
    assert decoded(b"0a\r\n0123456789\r\n00A\r\n0123456789\r\n000\r\n\r\n")[0] == b"0123456789" * 2


@pytest.mark.parametrize("step", [1, 3, 100])
@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"2;name=value\r\nab\r\n0\r\n\r\n", "bad-chunk"),
        (b"2 \r\nab\r\n0\r\n\r\n", "bad-chunk"),
        (b"2\nab\r\n0\r\n\r\n", "bad-chunk"),
        (b"0x2\r\nab\r\n0\r\n\r\n", "bad-chunk"),
        (b"+2\r\nab\r\n0\r\n\r\n", "bad-chunk"),
        (b"\r\nab\r\n0\r\n\r\n", "bad-chunk"),
        (b"000000002\r\nab\r\n0\r\n\r\n", "bad-chunk"),
        (b"ffffffffffffffff\r\nab", "bad-chunk"),
        (b"2\r\nabc\r\n0\r\n\r\n", "bad-chunk"),
        (b"2\r\nab\n0\r\n\r\n", "bad-chunk"),
        (b"2\r\rab", "bad-chunk"),
        (b"0\r\nX-Trailer: 1\r\n\r\n", "trailers"),
        (b"0\r\n\n", "trailers"),
    ],
)
def test_anything_but_sizes_and_content_is_refused(data: bytes, code: str, step: int) -> None:
    with pytest.raises(BadMessage) as refused:
        decoded(data, step)
    assert refused.value.code == code
