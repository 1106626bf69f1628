from __future__ import annotations

import pytest

from models.communication_model import CommunicationModel
from models.exchange.shared import Others, Shared


def test_a_sum_is_not_exchanged_for_another_in_place() -> None:
    shared = Shared(version="00", origins=0, supporters={}, model=CommunicationModel(service_type="/light"))
    with pytest.raises(AttributeError):
        shared.version = "01"  # type: ignore[misc]


def test_who_has_nobody_beside_is_told_so() -> None:
    assert Others() == Others(site=None, elsewhere=None)
