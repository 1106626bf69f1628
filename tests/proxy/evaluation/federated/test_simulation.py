"""Parts that are simulated beside each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from proxy.evaluation.federated import simulation
from proxy.evaluation.federated.partition import Size, partition
from proxy.evaluation.federated.simulation import FULL, QUICK, Extent, Part, simulate


def test_every_part_has_a_size_for_every_extent() -> None:
    assert set(FULL) == set(QUICK) == set(Part)


def test_a_part_gives_the_same_for_the_same_seed_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny: dict[Part, Callable[[int], Any]] = {
        Part.PARTITION: lambda seed: partition(seed, Size(sites=1, minutes=3, seeds=1))
    }
    monkeypatch.setattr(simulation, "QUICK", tiny)
    told: list[str] = []
    runs = [simulate([Part.PARTITION, Part.PARTITION], 1, Extent.QUICK, told.append, processes=1) for _ in range(2)]
    assert runs[0].partition == runs[1].partition
    assert runs[0].healing is None
    assert len(told) == 2
    assert told[0].startswith("partition: ")
    assert msgspec.json.decode(msgspec.json.encode(runs[0]))["partition"]["models"] > 0
