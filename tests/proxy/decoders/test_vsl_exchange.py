"""What agents ask of each other is judged at the root of the one that is asked, and passed on as it was understood."""

from __future__ import annotations

from typing import Any

import pytest

from models.access import Operation
from policy.verdict import Sender, Strength
from proxy.decoders.base import Decoded, Request
from proxy.decoders.vsl_exchange import decode

PEER = Sender(address="/agent3", service_type="/treeRoot", strength=Strength.CERTIFICATE, ip="192.0.2.31")
UPDATE = b'{ "agentId": "agent3", "hashFrom": "" }'


def decoded(**changes: Any) -> Decoded:
    asked = {
        "method": "POST",
        "target": "/ka/requestKorUpdate",
        "headers": (("host", "x"), ("content-type", "application/json; UTF-8"), ("accept", "application/cbor")),
        "body": UPDATE,
    } | changes
    return decode(Request(**asked), PEER, 5, agent="agent1", authority="198.51.100.11:8081", delegation="VSL e30=")


@pytest.mark.parametrize(
    ("target", "operation"), [("/ka/requestKorUpdate", Operation.GET), ("/ka/handshake", Operation.SET)]
)
def test_it_is_an_access_to_the_root(target: str, operation: Operation) -> None:
    (access,) = decoded(target=target).accesses
    assert (access.source, access.source_type) == ("/agent3", "/treeRoot")
    assert (access.node, access.destination_type, access.operation) == ("/agent1", "/treeRoot", operation)


def test_it_goes_on_as_it_was_understood_in_the_peer_s_name() -> None:
    outbound = decoded().outbound
    assert outbound is not None
    assert (outbound.method, outbound.target) == ("POST", "/ka/requestKorUpdate")
    assert outbound.body == b'{"agentId":"agent3","hashFrom":""}'
    assert dict(outbound.headers) == {
        "host": "198.51.100.11:8081",
        "accept": "application/cbor",
        "content-type": "application/json",
        "content-length": str(len(outbound.body)),
        "authorization": "VSL e30=",
    }


def test_another_form_passes_where_the_mode_lets_it() -> None:
    found = decoded(headers=(("host", "x"), ("content-type", "application/cbor")), body=b"\xa0")
    assert found.refusal is not None
    assert (found.refusal.code, found.refusal.every_mode) == ("unsupported-body", False)
    assert found.outbound is not None
    assert (found.outbound.body, dict(found.outbound.headers)["content-type"]) == (b"\xa0", "application/cbor")


JSON = ("content-type", "application/json")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"target": "/ka/other"}, "knowledge-agent-interface"),
        ({"target": "/ka/handshake/"}, "knowledge-agent-interface"),
        ({"target": "/ka/handshake?x=1"}, "knowledge-agent-interface"),
        ({"method": "GET"}, "method-not-allowed"),
        ({"body": b""}, "ambiguous-body"),
        ({"body": b"[]"}, "ambiguous-body"),
        ({"body": b'{"a":1,"a":2}'}, "ambiguous-body"),
        ({"headers": (JSON, JSON)}, "ambiguous-headers"),
        ({"headers": (JSON, ("accept", "x" * 5000))}, "ambiguous-headers"),
        ({"headers": (JSON, ("upgrade", "websocket"))}, "upgrade-not-allowed"),
    ],
)
def test_anything_else_is_refused_in_every_mode(changes: dict[str, Any], code: str) -> None:
    found = decoded(**changes)
    assert found.refusal is not None
    assert (found.refusal.code, found.refusal.every_mode, found.outbound) == (code, True, None)
