from __future__ import annotations

import io

import pytest

from proxy.audit.lines import MAXIMUM_LINE, lines, lines_newest_first


def test_lines_keep_their_ends_and_the_last_may_have_none() -> None:
    assert list(lines(io.BytesIO(b"a\n\nb"))) == [b"a\n", b"\n", b"b"]


def test_a_monstrous_line_comes_in_pieces() -> None:
    pieces = list(lines(io.BytesIO(b"x" * (MAXIMUM_LINE + 3) + b"\n")))
    assert [len(piece) for piece in pieces] == [MAXIMUM_LINE, 4]


@pytest.mark.parametrize("length", [1, 10, 1000, 65_535, 65_536, 65_537, 200_000])
def test_whole_lines_come_back_in_reverse(length: int) -> None:
    whole = [b"%d" % number + b"x" * length for number in range(7)]
    text = b"".join(line + b"\n" for line in whole)
    assert list(lines_newest_first(io.BytesIO(text))) == whole[::-1]
    assert list(lines_newest_first(io.BytesIO(text + b"unfinished"))) == whole[::-1]


def test_nothing_and_an_unfinished_line_have_no_whole_line() -> None:
    assert list(lines_newest_first(io.BytesIO(b""))) == []
    assert list(lines_newest_first(io.BytesIO(b"unfinished" * 100_000))) == []
    assert list(lines_newest_first(io.BytesIO(b"\n"))) == [b""]
