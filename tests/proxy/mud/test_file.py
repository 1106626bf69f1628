"""Reading descriptions, also what is none."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.mud.file import LARGEST, MudError, MudFile, read
from tests.proxy.mud.test_description import described


def test_what_was_written_is_read() -> None:
    found = read(json.dumps(described()).encode())
    assert found.about.service_type == "/light"
    entries = list(found.entries(found.about.from_device_policy))
    assert len(entries) == 12  # three peers, two ports, two families
    assert all(entry.accepts and not entry.matches.datagrams for entry in entries)


def without(*path: str) -> dict[str, Any]:
    made: dict[str, Any] = described()
    place = made
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]
    return made


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[]", "is not a MUD file as RFC 8520 has it"),
        (b" " * (LARGEST + 1), "no description needs that"),
        (json.dumps(without("ietf-mud:mud")).encode(), "ietf-mud:mud"),
        (json.dumps(without("ietf-mud:mud", "mud-url")).encode(), "mud-url"),
    ],
)
def test_what_is_none_is_told_with_the_place(data: bytes, told: str) -> None:
    with pytest.raises(MudError, match=told):
        read(data)


def test_another_version_is_told() -> None:
    made = described()
    made["ietf-mud:mud"]["mud-version"] = 2
    with pytest.raises(MudError, match="only 1"):
        read(json.dumps(made).encode())


def test_a_list_that_is_named_and_missing_is_told() -> None:
    made = described()
    made["ietf-access-control-list:acls"]["acl"].pop(0)
    found = read(json.dumps(made).encode())
    with pytest.raises(MudError, match="from-device-ipv4"):
        list(found.entries(found.about.from_device_policy))


@settings(deadline=None, derandomize=True, max_examples=300)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda each: st.lists(each) | st.dictionaries(st.sampled_from(["ietf-mud:mud", "mud-url", "ace", "x"]), each),
        max_leaves=20,
    )
)
def test_nothing_but_its_own_error_comes_out(value: object) -> None:
    with contextlib.suppress(MudError):
        assert isinstance(read(json.dumps(value).encode()), MudFile)
