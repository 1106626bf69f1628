"""Tokens are kept as hashes."""

from __future__ import annotations

import hashlib

from proxy.tokens import hash_of


def test_a_hash_stays_the_same_so_that_inventories_go_on_to_hold() -> None:
    assert hash_of("83b7780291a6ceffbe0bd049104df") == (
        hashlib.blake2b(b"83b7780291a6ceffbe0bd049104df", digest_size=32, person=b"alleyes token").hexdigest()
    )
    assert len(hash_of("")) == 64
    assert hash_of("a") != hash_of("b")


def test_bytes_that_are_no_text_have_a_hash_too() -> None:
    assert hash_of("\udcff\xff") != hash_of("\xff")
