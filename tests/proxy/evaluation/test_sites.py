from __future__ import annotations

import pytest

from proxy.evaluation.sites import SiteMap


def test_agents_belong_to_the_site_whose_range_holds_their_number() -> None:
    sites = SiteMap.parse("1-6, 10-11,20")
    assert sites.of("agent1") == sites.of("agent6") == sites.of("agent01")
    assert len({sites.of(agent) for agent in ("agent6", "agent10", "agent20", "agent7")}) == 4


def test_agents_without_a_site_are_one_site_of_their_own() -> None:
    sites = SiteMap.parse("1")
    assert sites.of("agent2") == sites.of("router") == sites.of("")
    assert SiteMap().of("agent1") == SiteMap().of("agent9")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not a range"),
        ("1-6,", "not a range"),
        ("a-b", "not a range"),
        ("6-1", "ends before it begins"),
        ("\u0661", "not a range"),
        ("1-6,4-9", "overlaps with 1-6"),
    ],
)
def test_nonsense_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        SiteMap.parse(text)


def test_names_without_end_are_no_memory_leak() -> None:
    sites = SiteMap.parse("1-6")
    for number in range(70_000):
        sites.of(f"agent{number}")
    assert len(sites._found) <= 65_536
