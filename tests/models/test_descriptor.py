from __future__ import annotations

from models.analyzer import Analyzer
from models.relationship import Key
from tests.models.accesses import MINUTE, START, access, teach


def test_descriptor_of_a_busy_minute() -> None:
    analyzer = Analyzer()
    teach(analyzer, access(START), access(START + 20_000), access(START + 40_000, destination="/agent2/movement2"))
    (descriptor,) = analyzer.advance(START + MINUTE)
    assert (descriptor.service_type, descriptor.minute, descriptor.minutes) == ("/light", START // MINUTE, 1)
    (relationship,) = descriptor.relationships.values()
    assert list(descriptor.relationships) == [Key("/movement", False, "get", "/derived/boolean")]
    assert (relationship.weight, relationship.fast.n) == (1, 3)
    assert descriptor.partners == {"/movement": 2}


def test_descriptor_of_an_idle_minute_is_empty_but_counts() -> None:
    analyzer = Analyzer()
    analyzer.register("/agent1/lock1", "/lock", START)
    (descriptor,) = analyzer.advance(START + 3 * MINUTE)
    assert (descriptor.relationships, descriptor.partners, descriptor.minutes) == ({}, {}, 3)


def test_descriptor_names_no_instance() -> None:
    analyzer = Analyzer()
    teach(analyzer, access(START, rooms=("kitchen", "kitchen")))
    assert "agent1" not in repr(analyzer.advance(START + MINUTE))
