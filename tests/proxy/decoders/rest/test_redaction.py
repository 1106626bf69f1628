"""A credential is found in every spelling in which it may stand elsewhere in its call."""

from __future__ import annotations

from proxy.decoders.rest.redaction import redacted, spellings


def test_a_credential_is_taken_out_however_it_is_written() -> None:
    secrets = spellings(['s3cret/"token"'])
    assert redacted('a s3cret/"token" b', secrets) == "a <token> b"
    assert redacted("/x/s3cret%2F%22token%22", secrets) == "/x/<token>"
    assert redacted('{"a":"s3cret/\\"token\\""}', secrets) == '{"a":"<token>"}'


def test_a_word_that_is_short_enough_for_a_value_hides_nothing() -> None:
    assert spellings(["on", "1000000"]) == ()
