"""Every refusal of a decoder by a mapping has its remedy."""

from __future__ import annotations

import re

from proxy.decoders.rest.remedies import REMEDIES, remedy
from tests.repository.tree import files, read


def test_every_code_has_a_remedy() -> None:
    sources = "\n".join(
        read(path) for path in files() if str(path).startswith("proxy/decoders/rest/") and path.suffix == ".py"
    )
    codes = set(re.findall(r"(?:unclear|unreadable|unsupported)\(\s*\"([a-z0-9-]+)\"", sources))
    assert {"ambiguous-target", "out-of-range", "unknown-node"} <= codes
    assert codes <= set(REMEDIES)


def test_others_stand_in_the_documentation() -> None:
    assert "docs/refusals.md" in remedy("bad-chunk")
