"""What Knowledge Agents ask of each other for themselves: `/ka/handshake` and `/ka/requestKorUpdate`.

Both are judged as accesses to the agent's root: an update reads the whole structure, a handshake changes whom the agent
knows. What the bodies say is between the agents; they are passed on as strict JSON, bounded as every body is.
"""

from __future__ import annotations

from models.access import Access, Operation
from policy.verdict import Sender
from proxy.decoders import strict_json
from proxy.decoders.base import Decoded, Outbound, Request
from proxy.decoders.refusals import ambiguous, unsupported
from proxy.decoders.strict_json import NotStrictJson
from proxy.registry import ROOT_TYPE

PREFIX = "/ka/"
_JSON = "application/json"
_OPERATIONS = {"/ka/handshake": Operation.SET, "/ka/requestKorUpdate": Operation.GET}
_PASSED_ON = ("user-agent", "accept")
_LARGEST_HEADER = 1024


def decode(request: Request, sender: Sender, now: int, *, agent: str, authority: str, delegation: str) -> Decoded:
    """Decode a request of a peer.

    Args:
        request: What it sent, without a credential.
        sender: The peer.
        now: Event time, ms.
        agent: Name of the agent that is called.
        authority: Its address and port, for the Host header.
        delegation: The credential with which that agent takes the call for the peer's.
    """
    operation = _OPERATIONS.get(request.target)
    if operation is None:
        detail = f"{request.target[:200]!r} is not part of the interface between Knowledge Agents"
        return Decoded(refusal=ambiguous("knowledge-agent-interface", detail))
    if request.method != "POST":
        return Decoded(refusal=ambiguous("method-not-allowed", f"{request.target} is called with POST"))
    headers: dict[str, str] = {}
    for name, value in request.headers:
        if name in headers or len(value) > _LARGEST_HEADER:
            return Decoded(refusal=ambiguous("ambiguous-headers", f"the header {name} occurs twice, or is very long"))
        headers[name] = value
    if "upgrade" in headers:
        return Decoded(refusal=ambiguous("upgrade-not-allowed", "an upgrade is not part of this interface"))
    access = Access(
        time=now,
        source=sender.address,
        source_type=sender.service_type,
        destination=f"/{agent}",
        destination_type=ROOT_TYPE,
        node=f"/{agent}",
        operation=operation,
        data_type=ROOT_TYPE,
    )
    content_type = headers.get("content-type", "")
    passed = [("host", authority), *((name, headers[name]) for name in _PASSED_ON if name in headers)]

    def outbound(kind: str, body: bytes) -> Outbound:
        own = (("content-type", kind), ("content-length", str(len(body))), ("authorization", delegation))
        return Outbound("POST", request.target, (*passed, *own), body)

    if content_type.split(";")[0].strip().lower() != _JSON:
        detail = f"a body of type {content_type[:48]!r} is not supported between Knowledge Agents"
        return Decoded((access,), outbound(content_type, request.body), unsupported("unsupported-body", detail))
    try:
        body = strict_json.parse(request.body)
    except NotStrictJson as bad:
        return Decoded(refusal=ambiguous("ambiguous-body", str(bad)))
    if not isinstance(body, dict):
        return Decoded(refusal=ambiguous("ambiguous-body", "the body is not an object"))
    return Decoded((access,), outbound(_JSON, strict_json.serialise(body)))
