"""Only letters of ASCII have another case."""

from __future__ import annotations

from proxy.decoders.rest.folding import folded


def test_letters_that_python_alone_takes_for_ascii_stay_as_they_are() -> None:
    assert folded("BlinK") == "blink"
    # KELVIN SIGN, and LATIN CAPITAL LETTER I WITH DOT ABOVE.
    assert folded("Blin\u212a \u0130") == "blin\u212a \u0130"
