"""Faults leave no trace."""

from __future__ import annotations

import pytest

from models.contributions import Contribution
from models.exchange.pool import Pool
from proxy.evaluation.federated import partition as module
from proxy.evaluation.federated.partition import Partition, Size, partition

SMALL = Size(sites=2, minutes=8, seeds=2)


@pytest.fixture(scope="module")
def found() -> Partition:
    return partition(1, SMALL)


def test_models_are_bit_identical_whatever_happened_to_messages(found: Partition) -> None:
    assert found.identical
    first, *others = found.outcomes
    assert all(each.digests == first.digests for each in others)
    assert found.models >= 2 * 2 * 3


def test_much_did_happen(found: Partition) -> None:
    good, *bad = (each.faults for each in found.outcomes)
    assert (good.lost, good.duplicated, good.reordered, good.replayed, good.restarts) == (0, 0, 0, 0, 0)
    for each in bad:
        assert min(each.lost, each.duplicated, each.reordered, each.replayed, each.restarts) > 0


def test_a_service_that_takes_what_is_late_for_news_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    class LastOneWins(Pool):
        """Takes whatever arrives last, whenever it was sent."""

        def put(self, origin: str, contribution: Contribution, digest: bytes = b"", data: bytes | None = None) -> bool:
            if self.stamp(origin) is not None:
                self.remove(origin)
            return super().put(origin, contribution, digest, data)

    monkeypatch.setattr(module, "Pool", LastOneWins)
    assert not partition(1, SMALL).identical
