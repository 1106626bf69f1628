from __future__ import annotations

import msgspec
import pytest

from models.access import Access
from models.analyzer import CANDIDATES
from models.anomaly import PERIOD, RATE
from policy.features import FEATURES, a_kind, kind
from tests.policy.calls import SPYING, score

UNKNOWN = msgspec.structs.replace(
    SPYING, source_type=None, source_location=None, destination_type=None, destination_location=None, data_type=None
)


@pytest.mark.parametrize("name", [*CANDIDATES, RATE, PERIOD])
def test_every_feature_that_decides_has_words(name: str) -> None:
    assert name in FEATURES


@pytest.mark.parametrize("access", [SPYING, UNKNOWN], ids=["known", "unknown"])
@pytest.mark.parametrize("name", FEATURES)
def test_a_record_without_the_figures_is_told_all_the_same(name: str, access: Access) -> None:
    words = FEATURES[name]
    reason = words.reason(access, score(9.0, name))
    assert reason[0].isupper()
    assert not reason.endswith(".")
    assert "" not in words.told(access, {}), "what cannot be said is left out"


def test_a_type_that_is_not_known_is_called_that() -> None:
    assert (kind("/phone"), a_kind("/phone")) == ("/phone", "a /phone")
    assert (kind(None), a_kind(None)) == ("an unknown type", "an unknown type")
