"""Nodes are sent on with what is known of nodes; what is none is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.decoders import strict_cbor, strict_json, vsl_node
from proxy.decoders.strict_json import Number
from proxy.decoders.vsl_node import BadNode

WHOLE = (
    b'{"types":["/derived/boolean","/basic/number"],"value":"0","timestamp":1795402497490,"version":0,"access":"r",'
    b'"restrictions":{"minimumValue":"0"},"children":{"a":{"value":"1"},"b/c":{}}}'
)


def canonical(text: bytes) -> dict[str, Any]:
    return vsl_node.canonical(strict_json.parse(text))


def test_every_member_of_a_node_is_kept() -> None:
    assert strict_json.serialise(canonical(WHOLE)) == WHOLE


def test_unknown_and_null_members_are_left_out() -> None:
    spread = b'{ "version" : null, "extra": [1], "children": {"a": {"types": null, "value": "1"}} }'
    assert strict_json.serialise(canonical(spread)) == b'{"children":{"a":{"value":"1"}}}'


@pytest.mark.parametrize(("value", "text"), [(b"1.50", "1.50"), (b"-0", "-0"), (b"true", "true"), (b'"x"', "x")])
def test_a_value_becomes_the_text_that_it_is_stored_as(value: bytes, text: str) -> None:
    assert strict_json.serialise(canonical(b'{"value":' + value + b"}")) == f'{{"value":"{text}"}}'.encode()


@pytest.mark.parametrize(
    "text",
    [
        b"[]",
        b'"1"',
        b'{"value":[]}',
        b'{"value":{}}',
        b'{"types":"a"}',
        b'{"types":[1]}',
        b'{"timestamp":"1"}',
        b'{"timestamp":1.5}',
        b'{"version":10000000000000000000000}',
        b'{"access":"rw"}',
        b'{"access":1}',
        b'{"restrictions":{"minimumValue":0}}',
        b'{"children":[]}',
        b'{"children":{"..":{}}}',
        b'{"children":{"a//b":{}}}',
        b'{"children":{"a":{"children":{"":{}}}}}',
        b'{"children":{"a":null}}',
    ],
)
def test_what_is_no_node_is_refused(text: bytes) -> None:
    with pytest.raises(BadNode):
        canonical(text)


def test_what_a_set_writes_stands_by_paths() -> None:
    node = canonical(b'{"value":"0","children":{"a":{"value":1,"children":{"b":{"value":"2"}}},"c/d":{"value":"3"}}}')
    assert vsl_node.written(node) == (("", "0"), ("a", "1"), ("a/b", "2"), ("c/d", "3"))


def test_a_node_in_two_spellings_is_refused() -> None:
    with pytest.raises(BadNode, match="twice"):
        vsl_node.written(canonical(b'{"children":{"a/b":{"value":"1"},"a":{"children":{"b":{"value":"2"}}}}}'))


TEXTS = st.text(max_size=4)
MEMBERS = {
    "value": st.one_of(TEXTS, st.integers(), st.booleans(), st.lists(TEXTS)),
    "types": st.one_of(st.lists(TEXTS, max_size=2), TEXTS),
    "version": st.one_of(st.integers(), TEXTS),
    "access": st.sampled_from(["r", "w", "-", "x"]),
    "restrictions": st.dictionaries(TEXTS, TEXTS, max_size=2),
}
NODES = st.recursive(
    st.fixed_dictionaries({}, optional=MEMBERS),
    lambda inner: st.fixed_dictionaries({"children": st.dictionaries(TEXTS, inner, max_size=2)}, optional=MEMBERS),
    max_leaves=4,
)


@given(NODES)
def test_the_canonical_form_reads_as_the_same_node_in_either_format(node: dict[str, Any]) -> None:
    try:
        made = vsl_node.canonical(strict_json.parse(strict_json.serialise(node)))
    except (BadNode, strict_json.NotStrictJson):
        return
    for form in (strict_json, strict_cbor):
        assert vsl_node.canonical(form.parse(form.serialise(made))) == made


def test_of_a_node_that_is_set_only_values_count() -> None:
    node = {"value": Number("1"), "types": "x", "version": "y", "children": {"a/b": {"value": True, "access": 1}}}
    assert vsl_node.settable(node) == {"value": "1", "children": {"a/b": {"value": "true"}}}
    with pytest.raises(BadNode):
        vsl_node.settable({"value": {}})
