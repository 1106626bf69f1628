from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.audit.chain import GENESIS, Torn, TornBytes, encode, label, seal, unseal

LINE, HASH = seal(
    encode({"kind": "start", "id": "x1", "sentence": "The gateway started."}), sequence=1, previous=GENESIS
)


def test_a_record_is_chained_by_the_hash_of_its_exact_bytes() -> None:
    body, rest = LINE.rsplit(b',"hash":', 1)

    assert hashlib.sha256(body + b"}").hexdigest() == HASH
    assert rest == f'"{HASH}"}}\n'.encode()
    assert json.loads(LINE) == {
        "sequence": 1,
        "kind": "start",
        "id": "x1",
        "sentence": "The gateway started.",
        "previous": GENESIS,
        "hash": HASH,
    }


def test_a_sealed_line_opens() -> None:
    link = unseal(LINE)

    assert link is not None
    assert (link.sequence, link.previous, link.hash, link.label) == (1, GENESIS, HASH, "x1")


@settings(deadline=None)
@given(st.integers(0, len(LINE) - 2), st.integers(1, 255))
def test_a_line_with_any_byte_changed_does_not(position: int, change: int) -> None:
    changed = bytearray(LINE)
    changed[position] ^= change

    assert unseal(bytes(changed)) is None


@pytest.mark.parametrize(
    "line", [b"", b"\n", b"{}", LINE[:-3], LINE[1:], b'{"hash":"' + b"0" * 64 + b'"}', LINE + LINE]
)
def test_nothing_else_opens(line: bytes) -> None:
    assert unseal(line) is None


def test_a_second_hash_member_does_not_hide_a_change() -> None:
    forged = LINE.replace(b'"start"', b'"stop"').rstrip(b"}\n") + f',"hash":"{HASH}"}}\n'.encode()

    assert unseal(forged) is None


def test_a_damaged_line_may_still_show_whose_it_is() -> None:
    assert label(LINE.replace(b"started", b"stopped")) == "x1"
    assert label(b"\xff{") is None


def test_text_that_is_no_unicode_does_not_keep_a_record_out_of_the_log() -> None:
    body = encode({"sender": {"address": "/agent1/\udcff"}, "list": ["\ud800", 1, None], "tuple": ("a",)})

    assert json.loads(body) == {"sender": {"address": "/agent1/\\udcff"}, "list": ["\\ud800", 1, None], "tuple": ["a"]}


def test_what_has_no_form_is_refused() -> None:
    with pytest.raises(TypeError):
        encode({"thing": object()})


def test_torn_bytes_are_counted_and_hashed_as_they_come() -> None:
    torn = TornBytes()
    assert not torn
    torn.add(b"ab")
    torn.add(b"c")

    assert torn
    assert torn.sum() == Torn(3, hashlib.sha256(b"abc").hexdigest())
