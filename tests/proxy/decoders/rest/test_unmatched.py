"""What the audit says of requests that no route matches."""

from __future__ import annotations

import pytest

from proxy.decoders.rest.unmatched import in_words, looks_secret


def test_values_of_parameters_are_left_out() -> None:
    assert in_words("PUT", "/items/a?apikey=secret&x=1", "text/plain; charset=utf-8") == (
        "PUT /items/a?apikey=&x= (text/plain)"
    )
    told = in_words("PUT", "/a", "application/json", ["x-key", "cookie:sid"], ["/on boolean", "/bri number"])
    assert told == "PUT /a (application/json) with x-key, cookie:sid; body /on boolean, /bri number"
    cut = in_words("PUT", "/a", None, (), [f"/{'m' * 40}{n} text" for n in range(40)])
    assert len(cut) < 1100
    assert cut.endswith(" text")
    assert in_words("GET", "/items/a", None) == "GET /items/a"
    assert in_words("GET", "/a", "no media type") == "GET /a"
    assert len(in_words("GET", "/" + "a" * 9000, None)) == 512


@pytest.mark.parametrize(
    ("segment", "secret"),
    [
        ("83b7780291a6ceffbe0bd049104df00x", True),
        ("<token>", True),
        ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop", True),
        ("7c9e6679-7425-40de-944b-e07fc1f90ae7", False),
        ("Kitchen_Light", False),
        ("Shelly.GetDeviceInfoAndEverything", False),
    ],
)
def test_long_segments_without_a_meaning_may_be_credentials(segment: str, secret: bool) -> None:
    assert looks_secret(segment) is secret
