"""What to do about a refusal of a decoder by a mapping, in one line each; more of it in `docs/refusals.md`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

REMEDIES: Mapping[str, str] = MappingProxyType(
    {
        "ambiguous-body": "let the client send strict UTF-8 JSON, form or text, without a body where there is none",
        "ambiguous-headers": "let the client send each header field once, in ASCII, and one credential",
        "ambiguous-target": "let the client write the target in one way: no empty or dot segments, no parameter twice",
        "body-too-large": "let the client send less at a time",
        "credential-not-allowed": "name the field, with its scheme, in the mapping's `token`",
        "headers-too-large": "remove header fields that are not needed",
        "method-not-allowed": "use GET, HEAD, POST, PUT, PATCH or DELETE",
        "method-override": "let the client use the method itself",
        "out-of-range": "correct the value, or minimum, maximum, choices or data_type in the mapping",
        "target-too-long": "shorten the target",
        "too-many-nodes": "ask for less at a time, or raise limits.accesses_per_call in gateway.yaml",
        "unknown-node": "if the call is legitimate, add a route, a member, a field or a parameter to the mapping",
        "unsupported-body": "correct `body` of the route, or add the media type to `content_types` of the mapping",
        "upgrade-not-allowed": "use the REST interface: what follows an upgrade cannot be judged by a mapping",
        "http2": "let the client use HTTP/1.1",
    }
)


def remedy(code: str) -> str:
    """Return what to do about a refusal with this code."""
    return REMEDIES.get(code, "see docs/refusals.md")
