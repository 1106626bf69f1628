"""Which form a caller gets."""

from __future__ import annotations

import pytest

from proxy.federation.service.negotiation import preferred
from proxy.federation.service.problem import Failure

OFFERED = ["application/vnd.alleyes.others", "application/json"]


@pytest.mark.parametrize(
    ("accept", "found"),
    [
        ("", 0),
        ("*/*", 0),
        ("application/*", 0),
        ("application/json", 1),
        ("APPLICATION/JSON; charset=utf-8", 1),
        ("application/json;q=0.5, application/vnd.alleyes.others;q=0.4", 1),
        ("application/json;q=0.4, */*;q=0.5", 0),
        ("application/vnd.alleyes.others;q=0, */*", 1),
        ("text/html, application/json;q=0.1", 1),
    ],
)
def test_the_preferred_form_is_found(accept: str, found: int) -> None:
    assert preferred(accept, OFFERED) == OFFERED[found]


@pytest.mark.parametrize("accept", ["text/html", "*/*;q=0", "application/json;q=nonsense", "nonsense", ","])
def test_who_wants_none_of_them_is_told_what_there_is(accept: str) -> None:
    with pytest.raises(Failure) as caught:
        preferred(accept, OFFERED)
    assert (caught.value.status, caught.value.detail) == (406, f"there is {', '.join(OFFERED)}")
