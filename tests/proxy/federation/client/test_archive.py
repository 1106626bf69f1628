"""Kept versions can be read beside a gateway that runs, and without one, and nothing is changed by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.exchange.envelope import encode_others
from models.exchange.shared import Others, Shared
from proxy.federation.client.archive import ArchiveError, opened
from proxy.federation.client.database import FILE, Disk
from proxy.federation.client.versions import Told, Versions, name_of
from tests.proxy.federation.service.learnt import learnt

LAMP = "/lamp"


def keep(disk: Disk, weight: int, partner: str = "/movementSensor", service_type: str = LAMP) -> str:
    """Keep a version as if the service had told it; return its name."""
    model = learnt(service_type, weight=weight, partner=partner).model
    supporters = dict.fromkeys(model.relationships, 2)
    others = Others(elsewhere=Shared(version=f"{weight:032x}"[::-1], origins=2, supporters=supporters, model=model))
    told = Told(heard=name_of(others), listed="", etag="")
    body = encode_others(others)
    disk.do(lambda database: Versions(database).take(service_type, told, others, body, 1_700_000_000.0 + weight))
    return told.heard


def test_versions_are_read_while_they_are_written_and_after(tmp_path: Path) -> None:
    disk = Disk(tmp_path, lambda _: None)
    keep(disk, 1)
    with opened(tmp_path) as archive:
        assert [each.weight for each in archive.kept(LAMP)] == [1]
    keep(disk, 2)
    with opened(tmp_path) as archive:
        assert [each.weight for each in archive.kept(LAMP)] == [2, 1]
    disk._close()
    with opened(tmp_path) as archive:
        assert [each.weight for each in archive.kept(LAMP)] == [2, 1]
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_what_is_not_there_or_damaged_is_told(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="has not been federated yet"), opened(tmp_path):
        pass
    (tmp_path / FILE).write_bytes(b"garbage" * 1000)
    with pytest.raises(ArchiveError, match="not a database"), opened(tmp_path) as archive:
        archive.types()
