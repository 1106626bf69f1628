"""Which names are taken for those of credentials."""

from __future__ import annotations

import pytest

from proxy.drafting.credentials import is_secret, passed_fields, tokens_in


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        *((name, True) for name in ("apikey", "api_key", "X-Api-Key", "x-auth-token", "wifiPassword", "SESSIONID")),
        *((name, True) for name in ("x-openhab-token", "sid", "PHPSESSID", "access_token", "key")),
        *((name, False) for name in ("x-csrf-token", "keyboard", "monkey", "author", "passage", "x-request-id", "on")),
    ],
)
def test_names_of_credentials_are_known_by_their_words(name: str, secret: bool) -> None:
    assert is_secret(name) is secret


def test_a_scheme_comes_before_what_takes_any_and_of_parameters_one_counts() -> None:
    fields = [
        "authorization",
        "authorization:Bearer",
        "authorization:Digest",
        "x-key",
        "x-floor",
        "cookie:sid",
        "cookie:a",
    ]
    found = tokens_in(fields, ["apikey", "q", "token"])
    assert found == [
        {"header": "authorization", "scheme": "Bearer"},
        {"header": "authorization", "scheme": "Digest", "identifies": False},
        {"header": "x-key"},
        {"cookie": "sid"},
        {"header": "authorization"},
        {"query": "apikey"},
    ]
    assert passed_fields(fields, found) == ["x-floor"]
