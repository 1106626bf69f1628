"""Mappings come from files, and go to workers."""

from __future__ import annotations

from pathlib import Path

import pytest

from policy.loading import DocumentError
from proxy.decoders.rest.loading import load_mapping, packed, unpacked
from tests.proxy.decoders.rest.making import LAMPS


def test_a_worker_gets_what_the_file_says(tmp_path: Path) -> None:
    path = tmp_path / "lamps.yaml"
    path.write_text(LAMPS)
    mapping = load_mapping(path)
    assert unpacked(packed(mapping)) == mapping


def test_a_mistake_is_told_with_file_line_and_remedy(tmp_path: Path) -> None:
    path = tmp_path / "lamps.yaml"
    path.write_text(LAMPS.replace("operation: get", "operation: fetch", 1))
    with pytest.raises(DocumentError) as refused:
        load_mapping(path)
    assert str(refused.value).startswith(f'{path}:22: routes[1].operation: "fetch" is not one of the choices -- use ')
