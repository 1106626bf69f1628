"""Models learn what is done, under names that are the same at every site."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.exchange.names import names_a_type
from proxy.decoders.rest.function import Function
from tests.proxy.decoders.rest.making import decoded, mapping_of

MAPPING = """\
name: functions
vocabulary: {{word: [start, stop, "a:b"]}}
routes:
  - name: act
    method: POST
    path: /{{action}}/{{word}}
    {variables}
    service: x
    type: /x/y
    operation: invoke
    node: "{node}"
"""


def learnt(target: str, node: str, variables: str = "", basic: str | None = None) -> str | None:
    text = MAPPING.format(node=node, variables=f"variables: {variables}" if variables else "")
    if basic is not None:
        text += f"    data_type: {basic}\n"
    (access,) = decoded(text, "POST", target).accesses
    return access.data_type


def test_the_words_of_a_node_are_learnt_below_its_data_type() -> None:
    assert learnt("/a/b", "state/on", basic="/basic/boolean") == "/basic/boolean/state.on"
    assert learnt("/a/b", "unlock") == "/untyped/unlock"
    assert learnt("/a/b", "", basic="/basic/boolean") == "/basic/boolean"
    assert learnt("/a/b", "") is None


@pytest.mark.parametrize("pattern", ["(?:lock|unlock)", "(?P<verb>lock|unlock)", "unlock"])
def test_a_closed_set_of_words_is_learnt_by_its_words(pattern: str) -> None:
    variables = f"{{what: {{variable: action, pattern: '{pattern}'}}}}"
    assert learnt("/unlock/b", "{action}/now", variables) == "/untyped/unlock.now"


def test_the_words_of_a_pattern_count_before_a_vocabulary() -> None:
    variables = "{what: {variable: action, pattern: '(?P<of>[a-z]+)-(?P<which>lock|unlock)'}}"
    text = MAPPING.format(node="{which}", variables=f"variables: {variables}").replace("word: [", "which: [x], word: [")
    (access,) = decoded(text, "POST", "/a-unlock/b").accesses
    assert access.data_type == "/untyped/unlock"


def test_a_group_of_words_is_closed_where_the_rest_is_not() -> None:
    variables = "{what: {variable: action, pattern: '(?P<verb>lock|unlock)-(?P<door>[a-z]+)'}}"
    assert learnt("/unlock-front/b", "{verb}/{door}", variables) == "/untyped/unlock._any"
    assert learnt("/unlock-back/b", "{verb}/{door}", variables) == "/untyped/unlock._any"


def test_what_may_be_anything_is_not_learnt() -> None:
    assert learnt("/one/b", "zone-{action}/on") == learnt("/two/b", "zone-{action}/on") == "/untyped/zone-_any.on"
    upper = "{what: {variable: action, case: insensitive, pattern: 'unlock'}}"
    assert learnt("/UNLOCK/b", "{action}", upper) == "/untyped/_any", "nothing says how it is written"


def test_a_vocabulary_gives_names_and_what_is_not_in_it_is_told_apart_without() -> None:
    assert learnt("/a/start", "{word}") == "/untyped/start"
    other, third = learnt("/a/erase", "{word}"), learnt("/a/boot", "{word}")
    assert other != third
    assert "erase" not in str(other)


@pytest.mark.parametrize("variables", ["", "{what: {variable: action}}"])
def test_the_choices_of_a_variable_of_the_path_are_learnt_and_what_is_none_of_them_is_told_apart(
    variables: str,
) -> None:
    text = MAPPING.format(node="{what}" if variables else "{action}", variables=variables and f"variables: {variables}")
    text += "    ranges: {action: {choices: [lock, unlock]}}\n"
    learnt_types = [
        access.data_type
        for action in ("lock", "unlock", "erase", "boot")
        for access in decoded(text, "POST", f"/{action}/b").accesses
    ]
    assert learnt_types[:2] == ["/untyped/lock", "/untyped/unlock"]
    assert len(set(learnt_types)) == 4
    assert "erase" not in str(learnt_types)


def test_a_variable_that_decides_is_learnt_wherever_it_stands() -> None:
    variables = "{topic: {variable: action, decides: true}}"
    lamp, lock = learnt("/lamp/b", "publish/{action}", variables), learnt("/lock/b", "publish/{action}", variables)
    assert lamp != lock
    assert learnt("/lamp/b", "publish", variables) == lamp, "also where it is in no node"
    assert lamp is not None
    assert lamp.startswith("/untyped/publish.x")
    assert len(lamp) == len("/untyped/publish.x000")


@pytest.mark.parametrize("node", ["a:b", "a/b", "a.b", "-", "_any", "state", "x" * 200, "y" * 200])
def test_its_names_may_leave_the_site(node: str) -> None:
    name = learnt("/a/b", node, basic="/basic/composed")
    assert name is not None
    assert names_a_type(name)


@given(st.lists(st.text(st.sampled_from("ab.:_-"), min_size=1, max_size=4), min_size=1, max_size=3))
def test_different_nodes_have_different_names(segments: list[str]) -> None:
    document = mapping_of(MAPPING.format(node="x", variables=""))
    nodes = {"/".join(segments), ".".join(segments), "-".join(segments), ":".join(segments)}
    nodes = {node for node in nodes if not {".", ".."} & set(node.split("/"))}
    names = {Function(node, document.routes[0], document).data_type(None, {}) for node in nodes}
    assert len(names) == len(nodes)
