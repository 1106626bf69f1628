"""What the expressions say; that senders are spread by them is seen by packets in tests/network."""

from __future__ import annotations

from proxy.firewall.plan import Plan
from proxy.firewall.workers import alive_elements, alive_set, port_of, ports_of, worker_of
from tests.proxy.firewall.test_plan import point


def test_a_single_worker_needs_no_hash() -> None:
    plan = Plan(access_points=(point(),))
    assert port_of(plan, plan.redirects[0], "ip saddr") == "9001"
    assert ports_of(plan, plan.redirects[0]) == "9001"


def test_the_worker_depends_on_the_sender_and_the_seed_alone() -> None:
    points = (point(), point(name="agent2", ipv4="10.77.2.12", listener_port=9003))
    plan = Plan(access_points=points, workers=2, seed=0xA5)
    worker = worker_of(plan, "ip saddr")
    assert worker == "jhash ip saddr mod 2 seed 0xa5"
    assert [port_of(plan, redirect, "ip saddr") for redirect in plan.redirects] == [
        f"{worker} map {{ 0 : 9001, 1 : 9002 }}",
        f"{worker} map {{ 0 : 9003, 1 : 9004 }}",
    ]
    assert [ports_of(plan, redirect) for redirect in plan.redirects] == ["9001-9002", "9003-9004"]


def test_a_worker_is_alive_for_the_time_it_has_left() -> None:
    assert alive_elements({1: 0.25, 0: 3.0, 2: 0.0, 3: -1.0}) == "0 timeout 3000ms, 1 timeout 250ms"
    assert "elements" not in alive_set({0: -1.0})
