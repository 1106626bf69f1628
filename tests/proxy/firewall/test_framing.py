from __future__ import annotations

import pytest

from proxy.firewall.framing import LENGTH, MOST_BYTES, FrameError, FrameReader, framed

MESSAGES = [b"first", b"", b"a longer third one"]


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 1000])
def test_messages_come_out_as_they_went_in_however_the_stream_is_cut(piece: int) -> None:
    stream = b"".join(framed(message) for message in MESSAGES)
    reader = FrameReader()
    found = []
    for start in range(0, len(stream), piece):
        reader.feed(stream[start : start + piece])
        while (message := reader.take()) is not None:
            found.append(message)
    assert found == MESSAGES


def test_a_message_that_is_too_long_is_refused_before_it_is_there() -> None:
    reader = FrameReader()
    reader.feed(LENGTH.pack(MOST_BYTES + 1))
    with pytest.raises(FrameError, match="a message of 16777217 bytes; at most 16777216"):
        reader.take()
    with pytest.raises(FrameError):
        framed(bytes(MOST_BYTES + 1))
