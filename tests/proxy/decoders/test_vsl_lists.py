"""Which gets change a list, and how."""

import pytest

from proxy.decoders import vsl_lists
from proxy.decoders.vsl_lists import ListChange
from proxy.decoders.vsl_target import BadTarget, parse

ROOMS = "/agent1/house/rooms"


def change(path: str, *lists: str) -> ListChange | None:
    known = lists or (ROOMS,)
    return vsl_lists.change(parse(f"/vsl{path}", "/agent1/house", "agent1"), known.__contains__)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("add/basic/text", "add /basic/text"),
        ("add/3/basic/text", "add /basic/text"),
        ("add/basic/text//kitchen", "add /basic/text"),
        ("add/3/basic/text//kitchen", "add /basic/text"),
        ("add/roomModel//del", "add /roomModel"),
        ("add", "add"),
        ("add/3", "add"),
        ("del/kitchen", "del"),
        ("del", "del"),
    ],
)
def test_what_is_added_or_deleted(path: str, value: str) -> None:
    assert change(f"{ROOMS}/{path}") == ListChange(ROOMS, value)


def test_an_element_may_be_a_list_itself() -> None:
    inner = f"{ROOMS}/kitchen"
    assert change(f"{inner}/del/sink", ROOMS, inner) == ListChange(inner, "del")
    assert change("/agent1/house/add/del/x", "/agent1/house/add") == ListChange("/agent1/house/add", "del")


@pytest.mark.parametrize("path", [f"{ROOMS}/elements", ROOMS, f"{ROOMS}/kitchen", "/agent1/house/add/x", "/agent1/add"])
def test_everything_else_reads(path: str) -> None:
    assert change(path) is None


@pytest.mark.parametrize(
    "path",
    [
        "/agent1/house//x",
        "/agent1//house/rooms/add/basic/text",
        f"{ROOMS}//add/basic/text",
        f"{ROOMS}/elements//x",
        f"{ROOMS}/del//kitchen",
        f"{ROOMS}/add//basic/text",
        f"{ROOMS}/add//kitchen",
        f"{ROOMS}/add/basic//text//kitchen",
        f"{ROOMS}/add/basic/text///kitchen",
        f"{ROOMS}/add/basic/text//kitchen/sink",
    ],
)
def test_two_slashes_anywhere_else_are_ambiguous(path: str) -> None:
    with pytest.raises(BadTarget) as refused:
        change(path)
    assert refused.value.code == "ambiguous-target"
