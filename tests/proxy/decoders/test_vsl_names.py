"""What is a name in one place of a call is one in every other, and what is none is none anywhere."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from proxy.decoders import vsl_body, vsl_messages, vsl_node, vsl_target
from proxy.decoders.strict_json import NotStrictJson, Number
from proxy.decoders.vsl_messages import NotAMessage
from proxy.decoders.vsl_names import DOT_SEGMENTS
from proxy.decoders.vsl_node import BadNode
from proxy.decoders.vsl_target import BadTarget


@pytest.mark.parametrize("change", [str, str.upper])
def test_a_callback_id_is_one_in_commands_messages_and_the_names_of_streams(change: type[str]) -> None:
    name = change(str(uuid4()))
    command = json.dumps({"operation": "SUBSCRIBE", "callbackId": name}).encode()
    assert name.encode() in vsl_body.command(command).canonical
    assert vsl_messages.correlation({"callbackId": name, "serial": Number("7")}) == (name.lower(), "7")
    assert vsl_target.parse(f"/callback-stream/{name}-7", "", "agent1").invocation == (name, "7")


@pytest.mark.parametrize("name", [str(uuid4())[:-1], f"{uuid4()}0", str(uuid4()).replace("-", ""), f"{{{uuid4()}}}"])
def test_what_is_no_callback_id_is_none_anywhere(name: str) -> None:
    with pytest.raises(NotStrictJson):
        vsl_body.command(json.dumps({"operation": "SUBSCRIBE", "callbackId": name}).encode())
    with pytest.raises(NotAMessage):
        vsl_messages.correlation({"callbackId": name, "serial": Number("7")})
    with pytest.raises(BadTarget):
        vsl_target.parse(f"/callback-stream/{name}-7", "", "agent1")


@pytest.mark.parametrize("dots", sorted(DOT_SEGMENTS))
def test_dot_segments_are_refused_in_targets_children_and_models(dots: str) -> None:
    with pytest.raises(BadTarget):
        vsl_target.parse(f"/vsl/agent1/light1/{dots}/lightOn", "", "agent1")
    with pytest.raises(BadNode):
        vsl_node.canonical({"children": {f"a/{dots}": {}}})
    with pytest.raises(NotStrictJson):
        vsl_body.registration(json.dumps({"modelId": f"/a/{dots}"}).encode())
