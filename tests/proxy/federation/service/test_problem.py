"""Failures as callers read them."""

from __future__ import annotations

from http import HTTPStatus

import msgspec

from proxy.federation.service.problem import Failure, too_many, unavailable


def test_a_failure_is_told_as_rfc_9457_says() -> None:
    response = Failure(HTTPStatus.CONFLICT, "stale", "begin anew", held=(3, 4)).response()
    assert (response.status, response.content_type) == (409, "application/problem+json")
    assert isinstance(response.body, bytes)
    assert msgspec.json.decode(response.body) == {
        "type": "urn:alleyes:federation:stale",
        "title": "A newer state is held already",
        "status": 409,
        "code": "stale",
        "detail": "begin anew",
        "epoch": 3,
        "sequence": 4,
    }


def test_who_may_try_again_is_told_when() -> None:
    for failure, status in ((unavailable("busy", "x", 2), 503), (too_many("rate", "x", 2), 429)):
        response = failure.response()
        assert (response.status, response.headers["Retry-After"]) == (status, "2")
