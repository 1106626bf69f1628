from __future__ import annotations

import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.categorical import Counts
from models.clustering_feature import ClusteringFeature
from models.framing import Frame

MAGIC = b"a box\n"


class Box(msgspec.Struct):
    name: str
    counts: Counts
    points: ClusteringFeature


FRAME = Frame(Box, magic=MAGIC, version=3, foreign="this is no box")
BOX = Box("one", Counts(get=3), ClusteringFeature(2, 3, 5, 7, 1 << 80))


def framed(payload: bytes, version: int = 3) -> bytes:
    return (
        MAGIC + bytes((version,)) + hashlib.blake2b(payload, digest_size=16, key=bytes((version,))).digest() + payload
    )


def test_what_is_written_is_read_to_the_last_digit() -> None:
    assert FRAME.decode(FRAME.encode(BOX)) == BOX
    assert isinstance(FRAME.decode(FRAME.encode(BOX)).counts, Counts)


@pytest.mark.parametrize("data", [b"", b"\x80", b"PK\x03\x04 a zip", b"a bo", b"a bag\n" + bytes(99)])
def test_bytes_of_something_else_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="this is no box"):
        FRAME.decode(data)


def test_every_truncation_is_refused() -> None:
    data = FRAME.encode(BOX)
    for length in range(len(data)):
        with pytest.raises(ValueError, match=r"this is no box|cut off|damaged"):
            FRAME.decode(data[:length])


@given(st.data())
def test_every_flipped_bit_is_refused(draw: st.DataObject) -> None:
    data = bytearray(FRAME.encode(BOX))
    data[draw.draw(st.integers(0, len(data) - 1))] ^= 1 << draw.draw(st.integers(0, 7))
    with pytest.raises(ValueError, match=r"this is no box|format|damaged"):
        FRAME.decode(bytes(data))


def test_other_version_is_named() -> None:
    with pytest.raises(ValueError, match="format 4, this program reads format 3"):
        FRAME.decode(framed(b"", version=4))


@pytest.mark.parametrize("payload", [b"", b"\xc1", msgspec.msgpack.encode({"name": 1})])
def test_valid_checksum_over_nonsense_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        FRAME.decode(framed(payload))


def test_sums_that_no_points_have_are_refused() -> None:
    with pytest.raises(ValueError, match="no points have these sums"):
        FRAME.decode(FRAME.encode(Box("", Counts(), ClusteringFeature(1, 5, 1, 0, 0))))


@pytest.mark.parametrize(
    "sums", [[1, 2, 3, 4], [1] * 6, "12345", None, [1, 1, 1, True, 1], [1, 1, 1, 1.0, 1], [[]] * 5]
)
def test_what_are_no_sums_is_refused(sums: object) -> None:
    payload = msgspec.msgpack.encode({"name": "", "counts": {}, "points": sums})
    with pytest.raises(ValueError, match="cannot be read"):
        FRAME.decode(framed(payload))
