"""How many subverted sites make an attack normal."""

from __future__ import annotations

import pytest

from proxy.evaluation.federated.aggregation import AGGREGATIONS
from proxy.evaluation.federated.poisoning import LYING, NEW, PATIENT, TAUGHT, Poisoning, Size, poison


@pytest.fixture(scope="module")
def found() -> Poisoning:
    return poison(1, Size(counts=(4,), hours=0.75), attacks=(NEW,), adversaries=(TAUGHT, PATIENT, LYING))


def needed(found: Poisoning, adversary: str) -> dict[str, int | None]:
    return {each.aggregation: each.needed for each in found.curves if each.adversary == adversary}


def test_without_subverted_sites_it_is_refused(found: Poisoning) -> None:
    assert all(each.refused[0] == 1.0 for each in found.curves)
    assert len(found.curves) == 3 * len(AGGREGATIONS)


@pytest.mark.parametrize("adversary", [TAUGHT.name, LYING.name])
def test_one_site_of_four_never_makes_it_normal_and_two_do(found: Poisoning, adversary: str) -> None:
    assert needed(found, adversary)["as shipped"] == 2
    assert needed(found, adversary)["without quorum"] == 1
