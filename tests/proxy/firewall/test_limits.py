"""What the rules say; that floods are stopped by them is seen by packets in tests/network."""

from __future__ import annotations

from proxy.firewall.limits import BURST_SECONDS, SET_SIZE, connection_rule, limit_chains, limit_sets
from proxy.firewall.plan import SenderLimits


def test_every_set_has_a_cap_and_those_that_do_not_empty_themselves_a_time_out() -> None:
    blocks = limit_sets()
    assert all(f"size {SET_SIZE}" in block for block in blocks)
    assert [block.split()[1] for block in blocks if "timeout" not in block] == ["connections4", "connections6"]


def test_the_limits_are_those_of_the_plan() -> None:
    limits = SenderLimits(packets_per_second=70, new_connections_per_second=30, connections=5)
    chains = limit_chains(limits)
    for version in (4, 6):
        packets, connections = chains[f"limit_known{version}"]
        assert f"limit rate over 70/second burst {70 * BURST_SECONDS} packets" in packets
        assert f"limit rate over 30/second burst {30 * BURST_SECONDS} packets" in connections
    assert "ct count over 5 " in connection_rule(limits, "ip")


def test_whoever_has_no_place_is_limited_as_well() -> None:
    chains = limit_chains(SenderLimits())
    for version in (4, 6):
        *_, last = chains[f"limit_sender{version}"]
        assert "@" not in last
        assert last.endswith("counter name no_room drop")


def test_chains_come_before_those_that_send_packets_to_them() -> None:
    names = list(limit_chains(SenderLimits()))
    assert names.index("limit_known4") < names.index("limit_sender4")
    assert names.index("limit_known6") < names.index("limit_sender6")
