"""Which types are enforced is remembered over a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from policy.readiness import Maturity
from proxy.storage.readiness_store import FILE, ReadinessStore

TYPES = {"/light": Maturity(instance_minutes=1500, instances=2, relationships=3, quiet=86_400_000, ready=True)}


def test_what_was_stored_comes_back(tmp_path: Path) -> None:
    ReadinessStore(tmp_path).save(TYPES)
    assert ReadinessStore(tmp_path).load() == TYPES
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", [b"", b"{", b'{"/light": 1}', b"[]"])
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert ReadinessStore(tmp_path).load() == {}


def test_nothing_stored_yet(tmp_path: Path) -> None:
    assert ReadinessStore(tmp_path).load() == {}
