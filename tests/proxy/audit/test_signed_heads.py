from __future__ import annotations

from pathlib import Path

from proxy.audit.head import Head
from proxy.audit.layout import SIGNED_FILE
from proxy.audit.signed_heads import LENGTH, read, write
from proxy.audit.statement import Signed, Statement


def test_the_file_is_renewed_in_place_and_never_grows(tmp_path: Path) -> None:
    for text in ("a longer one", "short"):
        write(tmp_path, Signed(text, "signature"))
        assert read(tmp_path / SIGNED_FILE) == Signed(text, "signature")
        assert (tmp_path / SIGNED_FILE).stat().st_size == LENGTH


def test_the_heads_of_the_most_workers_fit(tmp_path: Path) -> None:
    heads = {f"worker-{number}": Head(10**17, "a" * 64) for number in range(64)}
    statement = Statement(key="0" * 16, number=10**17, time="2026-11-23T07:30:27.123Z", heads=heads)
    write(tmp_path, Signed(statement.text(), "s" * 88))
    found = read(tmp_path / SIGNED_FILE)
    assert found is not None
    assert Statement.parse(found.statement) == statement


def test_none_and_a_damaged_one_are_none(tmp_path: Path) -> None:
    assert read(tmp_path / SIGNED_FILE) is None
    (tmp_path / SIGNED_FILE).write_bytes(b'{"statement":"x"')
    assert read(tmp_path / SIGNED_FILE) is None
