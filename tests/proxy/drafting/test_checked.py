"""A draft loads, or is told why not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.drafting.checked import DraftError, checked
from proxy.drafting.draft import MappingDraft, RouteDraft

GOOD = RouteDraft(
    name="look", method="GET", path="/lamp", service="lamp", service_type="/lamp", operation="get", node=""
)
DRAFT = MappingDraft(name="Lamp", source="", heading=(), routes=(GOOD,))


def test_what_no_mapping_can_have_is_taken_out_and_told() -> None:
    bad = replace(GOOD, path="/lamp/{Upper}", name="bad")
    draft, text, mapping = checked(replace(DRAFT, routes=(bad, GOOD, GOOD)))
    assert [route.name for route in mapping.routes] == ["look"]
    assert [line.partition(":")[0] for line in draft.left_out] == ["GET /lamp/{Upper}", "GET /lamp"]
    assert "# Left out; such requests are calls to an unknown node:\n#   GET /lamp/{Upper}: " in text


def test_where_nothing_is_left_or_all_of_it_is_wrong_the_reason_is_told() -> None:
    with pytest.raises(DraftError, match=r"GET x: "):
        checked(replace(DRAFT, routes=(replace(GOOD, path="x"),)))
    with pytest.raises(DraftError, match=r"^name: "):
        checked(replace(DRAFT, name="x" * 200))
    with pytest.raises(DraftError, match="draft a part of it"):
        checked(replace(DRAFT, heading=("x " * 900,) * 600))
