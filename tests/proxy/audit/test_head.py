from __future__ import annotations

import os
from pathlib import Path

import pytest

from proxy.audit.head import Head, read_head, write_head
from proxy.audit.layout import HEAD_FILE


def test_the_head_is_rewritten_in_place_and_never_grows(tmp_path: Path) -> None:
    file = os.open(tmp_path / HEAD_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        write_head(file, Head(123_456, "a" * 64))
        size = (tmp_path / HEAD_FILE).stat().st_size
        write_head(file, Head(1, "b" * 64))
    finally:
        os.close(file)

    assert read_head(tmp_path) == Head(1, "b" * 64)
    assert (tmp_path / HEAD_FILE).stat().st_size == size


def test_no_head_is_no_head(tmp_path: Path) -> None:
    assert read_head(tmp_path) is None


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b'{"sequence":"1","hash":"a"}', b'{"sequence":1}'])
def test_a_damaged_head_is_no_head(tmp_path: Path, data: bytes) -> None:
    (tmp_path / HEAD_FILE).write_bytes(data)

    assert read_head(tmp_path) is None
