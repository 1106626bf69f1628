"""Names of what is stored."""

from __future__ import annotations

from proxy.federation.topics import SHOWINGS, model_topic, type_of


def test_a_service_type_is_found_again() -> None:
    assert type_of(model_topic("/lightControler")) == "/lightControler"
    assert type_of(SHOWINGS) is None
