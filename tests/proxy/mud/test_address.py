"""MUD URLs and file names."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.mud.address import MudUrlError, base_url, file_name, type_of, url_of

TYPES = st.lists(st.text(st.characters(exclude_characters="/", exclude_categories=("Z", "C")), min_size=1), min_size=1)


@settings(deadline=None)
@given(TYPES)
def test_a_type_is_read_back_from_its_url(parts: list[str]) -> None:
    service_type = "/" + "/".join(parts)
    base = base_url("https://building.example/mud/")
    assert type_of(base, url_of(base, service_type)) == service_type


@settings(deadline=None)
@given(TYPES, TYPES)
def test_types_have_files_of_their_own(one: list[str], other: list[str]) -> None:
    names = [file_name("/" + "/".join(parts)) for parts in (one, other)]
    assert (names[0] == names[1]) == (one == other)
    assert all("/" not in name for name in names)


@pytest.mark.parametrize(
    "text",
    ["http://building.example", "building.example/mud", "https://", "https://u@h/x", "https://h/x?y", "https://h#f"],
)
def test_other_urls_are_refused(text: str) -> None:
    with pytest.raises(MudUrlError, match="write it like https://"):
        base_url(text)


def test_a_url_of_somebody_else_is_no_type() -> None:
    assert type_of("https://building.example/mud", "https://elsewhere.example/mud/light.json") is None
