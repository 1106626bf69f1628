"""Which gets change a list, and how."""

from contextlib import suppress

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from models.simulation.service_models import ModelNode
from proxy.decoders import vsl_lists
from proxy.decoders.vsl_lists import ListChange
from proxy.decoders.vsl_target import BadTarget, parse
from tests.site.house import HOUSE, MODELS_AND_HOUSE
from tests.site.knowledge_agent import lists
from tests.site.knowledge_agent.errors import KnowledgeAgentError
from tests.site.knowledge_agent.identity import Identity
from tests.site.knowledge_agent.lists import LIST
from tests.site.knowledge_agent.nodes import Node

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


SEGMENTS = st.sampled_from(["", "rooms", "kitchen", "add", "del", "elements", "3", "houseService", "inner", "x"])
LISTS = st.sampled_from([["rooms"], ["rooms", "inner"], ["rooms", "kitchen"], ["rooms", "", "inner"], []])
CHANGES = st.sampled_from(["add/basic/text", "add/0/basic/list", "add/houseService", "del/kitchen", "del", "add"])
NAMES = st.builds(
    lambda above, change, tail: [*above, *change.split("/"), *tail], LISTS, CHANGES, st.lists(SEGMENTS, max_size=3)
) | st.lists(SEGMENTS, max_size=6)


@given(NAMES)
def test_no_get_changes_a_list_at_an_access_point_that_passes_for_a_read(names: list[str]) -> None:
    root = Node("/agent1", ModelNode(("/treeRoot",)), "system", None)
    root.children["house"] = house = Node("/agent1/house", MODELS_AND_HOUSE[HOUSE], "house", root)
    caller = Identity("house", ("house",))
    for element in ("basic/list//inner", "basic/text//kitchen"):
        lists.operate(root, ["house", "rooms", "add", *element.split("/")], caller, MODELS_AND_HOUSE)
    known = {node.address: node.types for node in root.walk()}
    try:
        target = parse("/vsl/" + "/".join(["agent1", "house", *names]), house.address, "agent1")
        found = vsl_lists.change(target, lambda address: LIST in known.get(address, [LIST]))
    except BadTarget:
        return
    with suppress(KnowledgeAgentError):
        lists.operate(root, target.address.split("/")[2:], caller, MODELS_AND_HOUSE)
    changed = [node.address for node in root.walk()] != list(known)
    event(f"changed: {changed}")
    assert found is not None or not changed
    if changed and found is not None:
        grown = next((node for node in root.walk() if node.address not in known), None)
        assert found.value.startswith("del" if grown is None else "add /")
