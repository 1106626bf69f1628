"""Sightings outlast a restart."""

from __future__ import annotations

import msgspec

from proxy.thing_sighting import Sighting


def test_a_sighting_is_the_same_after_it_was_written_down() -> None:
    lamp = Sighting("lamp", "urn:lamp", "Lamp", ("/lamp/on",), "digest", gone=1e9)
    assert msgspec.json.decode(msgspec.json.encode(lamp), type=Sighting) == lamp
