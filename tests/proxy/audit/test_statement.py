from __future__ import annotations

import pytest

from proxy.audit.head import Head
from proxy.audit.statement import Statement

MADE = Statement(
    key="0123456789abcdef",
    number=17,
    time="2026-11-23T07:30:27.123Z",
    heads={"supervisor": Head(12, "a" * 64), "worker-0": Head(345, "b" * 64)},
)


def test_a_statement_is_text_that_a_person_can_read() -> None:
    assert MADE.text() == (
        "alleyes audit heads 1\n"
        "key 0123456789abcdef\n"
        "number 17\n"
        "time 2026-11-23T07:30:27.123Z\n"
        f"supervisor 12 {'a' * 64}\n"
        f"worker-0 345 {'b' * 64}\n"
    )


def test_what_is_read_is_what_was_stated() -> None:
    assert Statement.parse(MADE.text()) == MADE
    empty = Statement(key=MADE.key, number=1, time=MADE.time, heads={})
    assert Statement.parse(empty.text()) == empty


@pytest.mark.parametrize(
    "change",
    [
        ("heads 1", "heads 2"),
        ("number 17", "number 017"),
        ("number 17", "number -1"),
        ("worker-0 345", "worker-0  345"),
        ("worker-0 345", "../worker-0 345"),
        ("worker-0 345", "worker-0 345 6"),
        ("b\n", "b"),
        ("b\n", "b\n\n"),
        ("time ", ""),
    ],
)
def test_anything_else_is_refused(change: tuple[str, str]) -> None:
    text = MADE.text().replace(*change)
    assert text != MADE.text()
    with pytest.raises(ValueError, match="heads"):
        Statement.parse(text)
