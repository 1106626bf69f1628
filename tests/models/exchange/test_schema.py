from __future__ import annotations

import subprocess
import sys
from unittest.mock import patch

from models import periodicity, values
from models.exchange import schema

PINNED = "90718a48446701b2"


def test_schema_changes_only_on_purpose() -> None:
    assert schema.SCHEMA.hex() == PINNED, (
        "origins of this version and of others no longer count alike: their contributions will not be merged. If that "
        "is meant, say so in CHANGELOG.md and put the new hash here"
    )


def test_other_grids_have_another_schema() -> None:
    before = schema._described()
    with patch.object(periodicity, "_OCTAVE", 16):
        assert schema._described() != before
    with patch.object(values, "_PARTS", 16):
        assert schema._described() != before
    with patch.object(schema, "SPANS", (1_000, 5_000, 16_000)):
        assert schema._described() != before
    assert schema._described() == before


def test_schema_is_the_same_in_every_process() -> None:
    command = [sys.executable, "-c", "from models.exchange.schema import SCHEMA; print(SCHEMA.hex())"]
    told = subprocess.run(command, check=True, capture_output=True, text=True, env={"PYTHONHASHSEED": "7"})
    assert told.stdout.strip() == schema.SCHEMA.hex()
