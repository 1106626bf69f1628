from __future__ import annotations

import json
from pathlib import Path

from policy.document import PolicyDocument
from policy.schema import render, schema

CONFIG = Path(__file__).parents[2] / "config"


def test_the_schema_in_config_is_that_of_the_document() -> None:
    assert (CONFIG / "policy.schema.json").read_text(encoding="utf-8") == render(PolicyDocument), "run `make schemas`"


def test_an_editor_learns_choices_bounds_and_meaning_from_the_schema() -> None:
    found = json.loads(render(PolicyDocument))

    assert found == schema(PolicyDocument)
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert found["$defs"]["ModeSetting"]["enum"] == ["learn", "monitor", "enforce", "auto"]
    assert found["$defs"]["Thresholds"]["properties"]["block"]["maximum"] == 100
    assert found["$defs"]["QuarantinePolicy"]["properties"]["expiry"]["default"] == "1h"
    assert found["additionalProperties"] is False
    assert all("description" in each for each in found["$defs"]["Thresholds"]["properties"].values())
