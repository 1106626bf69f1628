from __future__ import annotations

import io

from proxy.audit.lines import MAXIMUM_LINE, lines


def test_lines_keep_their_ends_and_the_last_may_have_none() -> None:
    assert list(lines(io.BytesIO(b"a\n\nb"))) == [b"a\n", b"\n", b"b"]


def test_a_monstrous_line_comes_in_pieces() -> None:
    pieces = list(lines(io.BytesIO(b"x" * (MAXIMUM_LINE + 3) + b"\n")))
    assert [len(piece) for piece in pieces] == [MAXIMUM_LINE, 4]
