"""Links that fail."""

from __future__ import annotations

from proxy.evaluation.federated.links import FAIR, Faults, Link, Weather


def delivered(weather: Weather, seed: str = "a") -> tuple[list[int], Faults]:
    faults = Faults()
    link: Link[int] = Link(weather, seed, faults)
    arrived = []
    for minute in range(200):
        link.send(minute, minute)
        arrived += list(link.arrived(minute))
    arrived += list(link.arrived(10_000))
    return arrived, faults


def test_a_good_link_brings_everything_once_in_order() -> None:
    arrived, faults = delivered(FAIR)
    assert arrived == list(range(200))
    assert faults == Faults(sent=200)


def test_a_bad_link_does_all_that_links_do_and_counts_it() -> None:
    arrived, faults = delivered(Weather())
    assert len(arrived) == faults.sent - faults.lost + faults.duplicated + faults.replayed
    assert arrived != sorted(arrived)
    assert len(set(arrived)) < len(arrived)
    assert min(faults.lost, faults.outages, faults.duplicated, faults.reordered, faults.replayed) > 0


def test_the_same_seed_gives_the_same_faults() -> None:
    assert delivered(Weather(), "b") == delivered(Weather(), "b")
    assert delivered(Weather(), "b") != delivered(Weather(), "c")
