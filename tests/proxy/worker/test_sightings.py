"""The supervisor hears of each sender at each address once in a while, and never waits for it."""

from __future__ import annotations

import pytest

from policy.verdict import Sender, Strength
from proxy.processes.messages import Sighted
from proxy.worker import sightings as module
from proxy.worker.sightings import Sightings


def sender(identity: str) -> tuple[Sender, str]:
    """A sender, and its identity."""
    name = identity.rpartition(":")[2]
    made = Sender(address=f"/agent1/{name}", service_type=None, strength=Strength.CERTIFICATE, ip="192.0.2.9")
    return made, identity


def test_each_pair_is_told_once_and_again_after_a_minute() -> None:
    sent: list[Sighted] = []
    sightings = Sightings(sent.append)
    sightings.renew(100.0)
    for _ in range(3):
        sightings.note(*sender("certificate:a"))
        sightings.note(*sender("certificate:b"))
        sightings.renew(120.0)
    assert sent == [Sighted("192.0.2.9", f"certificate:{name}", f"/agent1/{name}") for name in "ab"]
    sightings.renew(161.0)
    sightings.note(*sender("certificate:a"))
    assert len(sent) == 3


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_PAIRS", 4)
    sent: list[Sighted] = []
    sightings = Sightings(sent.append)
    for number in range(100):
        sightings.note(*sender(f"certificate:{number}"))
        assert len(sightings._told) <= 4
    assert len(sent) == 100
