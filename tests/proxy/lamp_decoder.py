"""A made-up middleware with one lamp: the seam of decoders without that of mappings."""

from __future__ import annotations

from typing import ClassVar

from models.access import Access, Operation
from policy.verdict import Sender
from proxy.decoders.base import Answer, Decoded, Outbound, Request
from proxy.decoders.refusals import unsupported

NODE = "/lamps/lamp1/state"
_OPERATIONS = {"GET": Operation.GET, "PUT": Operation.SET, "PATCH": Operation.SET, "DELETE": Operation.DELETE}


class LampDecoder:
    """`/lamp/<token>` is the lamp, `/events/<token>` tells what happens to it."""

    agency: ClassVar[None] = None

    def credential(self, request: Request) -> str | None:
        return request.target.split("/")[2] or None if request.target.count("/") == 2 else None

    def in_words(self, line: str) -> str:
        method, _, target = line.partition(" ")
        known = target.startswith(("/lamp/", "/events/")) and target.count("/") == 2
        return f"{method} {target.rpartition('/')[0]}/..." if known else method

    def decode(self, request: Request, sender: Sender, now: int, _delegation: str | None) -> Decoded:
        operation = _OPERATIONS.get(request.method)
        known = request.target.startswith(("/lamp/", "/events/")) and request.target.count("/") == 2
        outbound = Outbound(request.method, request.target, (("host", "lamp"),), request.body)
        if operation is None or not known:
            return Decoded(outbound=outbound, refusal=unsupported("unknown-node", "no lamp"))
        access = Access(
            time=now,
            source=sender.address,
            source_type=sender.service_type,
            destination="/lamps/lamp1",
            destination_type="/lamp",
            node=NODE,
            operation=operation,
            data_type="/basic/boolean",
            value=request.body.decode("latin-1") or None,
        )
        return Decoded((access,), outbound, lasting=request.target.startswith("/events/"))

    def refuse(self, _method: str) -> Answer:
        return Answer(403, (("content-type", "text/plain"),), b"no")

    def unavailable(self, _method: str, message: str) -> Answer:
        return Answer(503, (("content-type", "text/plain"),), message.encode())
