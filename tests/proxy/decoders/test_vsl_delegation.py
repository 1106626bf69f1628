"""A credential is read in one way or not at all."""

from __future__ import annotations

import base64
import json

import pytest

from proxy.decoders.vsl_delegation import BadDelegation, parse
from proxy.identity import Identity

LIGHT = {"clientId": "lightcontrol1", "accessIDs": ["lightcontrol1", "group7"], "ka": False}


def credential(content: object) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return "VSL " + base64.b64encode(raw).decode()


def test_the_example_of_the_protocol() -> None:
    value = "VSL eyJjbGllbnRJZCI6ImxpZ2h0Y29udHJvbDEiLCJhY2Nlc3NJRHMiOlsibGlnaHRjb250cm9sMSJdLCJrYSI6ZmFsc2V9"
    assert parse(value) == Identity("lightcontrol1", ("lightcontrol1",))


def test_what_is_left_out_is_empty() -> None:
    assert parse(credential({"clientId": "lightcontrol1"})) == Identity("lightcontrol1", ())


@pytest.mark.parametrize("identity", [Identity("a", ("b", "c")), Identity("agent3", ("system",), agent=True)])
def test_what_we_write_can_be_read(identity: Identity) -> None:
    assert parse(identity.delegation()) == identity


@pytest.mark.parametrize(
    "value",
    [
        "",
        "VSL",
        "VSL ",
        "Basic YTpi",
        "vsl " + credential(LIGHT)[4:],
        "VSL not/base64!",
        credential(b"{"),
        credential(b"\xff"),
        credential([]),
        credential({}),
        credential(LIGHT | {"clientId": 7}),
        credential(LIGHT | {"clientId": ""}),
        credential(LIGHT | {"clientId": "LightControl1"}),
        credential(LIGHT | {"clientId": "../agent1/x"}),
        credential(LIGHT | {"clientId": "a/b"}),
        credential(LIGHT | {"clientId": None}),
        credential(LIGHT | {"accessIDs": "group7"}),
        credential(LIGHT | {"accessIDs": [1]}),
        credential(LIGHT | {"accessIDs": ["a;system"]}),
        credential(LIGHT | {"accessIDs": ["x"] * 100}),
        credential(LIGHT | {"ka": "true"}),
        credential(LIGHT | {"other": 1}),
        credential(LIGHT) + " ",
        credential(b'{"clientId":"a","clientId":"b"}'),
        credential(LIGHT | {"accessIDs": ["x" * 100] * 60}),
    ],
)
def test_anything_else_names_nobody(value: str) -> None:
    with pytest.raises(BadDelegation):
        parse(value)
