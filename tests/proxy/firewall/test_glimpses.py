"""Who is let in for a handshake is seen by packets in tests/network/test_glimpses.py; here what is written for whom."""

from __future__ import annotations

import msgspec

from proxy.firewall.glimpses import glance, glimpse_chains
from proxy.firewall.plan import Plan
from tests.proxy.firewall.watched import PLAN


def test_nobody_is_let_in_where_an_address_is_all_that_is_known_of_a_sender() -> None:
    assert glimpse_chains(PLAN) == {"glimpse4": [], "glimpse6": []}
    assert glance(PLAN, "ip saddr @quarantine4", 4) == []


def test_only_access_points_that_ask_for_certificates_can_be_looked_at() -> None:
    asking = msgspec.structs.replace(PLAN.access_points[0], certificates=True)
    other = msgspec.structs.replace(asking, name="agent2", ipv4="10.77.2.12", listener_port=9002, certificates=False)
    plan = Plan(access_points=(asking, other))
    assert glance(plan, "ip saddr @quarantine4", 4) == ["ip saddr @quarantine4 jump glimpse4"]
    assert glance(plan, "ip6 saddr @quarantine6", 6) == []
    rules = glimpse_chains(plan)["glimpse4"]
    assert len(rules) == 2
    assert all("10.77.2.11 . 8443" in rule and "10.77.2.12" not in rule for rule in rules)
