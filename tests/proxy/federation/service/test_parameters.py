"""What the target of a request may say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from proxy.federation.service import parameters
from proxy.federation.service.problem import Failure


def request(query: str = "", **path: str) -> Any:
    return make_mocked_request("GET", f"/?{query}", match_info=path)


@pytest.mark.parametrize("query", ["other=1", "wait=1&wait=2", "Wait=1"])
def test_what_is_not_known_or_there_twice_is_refused(query: str) -> None:
    with pytest.raises(Failure) as caught:
        parameters.known(request(query), "wait", "after")
    assert (caught.value.status, caught.value.code) == (400, "parameter")
    assert "known here: wait, after" in str(caught.value.detail)


@pytest.mark.parametrize("text", ["-1", "61", "1.5", "", "x", "1e1", "٣", "0" * 400])
def test_what_is_no_number_within_the_bounds_is_refused(text: str) -> None:
    with pytest.raises(Failure):
        parameters.number(request(f"wait={text}"), "wait", most=60, otherwise=0)


def test_a_number_is_read() -> None:
    assert parameters.number(request("wait=60"), "wait", most=60, otherwise=0) == 60
    assert parameters.number(request(), "wait", most=60, otherwise=7) == 7


@pytest.mark.parametrize(
    ("read", "good", "bad"),
    [
        (parameters.service_type, {"service_type": "/lightControler"}, {"service_type": "10.0.0.1"}),
        (parameters.origin, {"origin": "site-a.example"}, {"origin": "Site A"}),
    ],
)
def test_names_in_the_path(read: Callable[[Any], str], good: dict[str, str], bad: dict[str, str]) -> None:
    assert read(request(**good)) == next(iter(good.values()))
    with pytest.raises(Failure):
        read(request(**bad))


def test_where_a_list_goes_on() -> None:
    assert parameters.behind(request()) == ""
    assert parameters.behind(request("after=site-a")) == "site-a"
    with pytest.raises(Failure):
        parameters.behind(request("after=%27%3B--"))
