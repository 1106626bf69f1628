"""The one request that the gateway makes in a service's name of its own accord: it ends a lock without effect.

Source: the VSL's operation ROLLBACK_SUBTREE, at the address of the lock, by its holder.
"""

from __future__ import annotations

from proxy.decoders.base import Outbound

_BODY = b'{"operation":"ROLLBACK_SUBTREE"}'


def rollback(authority: str, address: str, delegation: str | None) -> Outbound:
    """Return the request.

    Args:
        authority: Address and port of the access point, for the Host header.
        address: Where the lock is.
        delegation: The credential of the service that holds it; None where the access point needs none.
    """
    headers = [
        ("host", authority),
        ("accept", "application/json"),
        ("content-type", "application/json"),
        ("content-length", str(len(_BODY))),
    ]
    if delegation is not None:
        headers.append(("authorization", delegation))
    return Outbound(method="POST", target=f"/vsl{address}", headers=tuple(headers), body=_BODY)
