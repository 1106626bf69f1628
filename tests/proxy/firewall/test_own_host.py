"""What the rules say; that they do what they say is seen by packets in tests/network."""

from __future__ import annotations

import msgspec

from proxy.firewall.own_host import (
    access_point_rules,
    answer_rules,
    arrival_rules,
    from_outside,
    local_exemption,
)
from proxy.firewall.plan import AccessPoint, Plan
from proxy.firewall.ruleset import ruleset
from tests.proxy.firewall.test_ruleset import chain

PLAN = Plan(
    access_points=(
        AccessPoint(
            name="agent1",
            ipv4="10.77.1.1",
            port=8443,
            listener_ipv4="10.77.1.1",
            listener_port=9001,
            loopback=True,
        ),
        AccessPoint(name="agent2", ipv4="10.77.1.2", port=8080, listener_ipv4="10.77.1.1", listener_port=9002),
    ),
    gateway_user=999,
)
AS_ROOT = msgspec.structs.replace(PLAN, gateway_user=0)


def test_what_is_local_is_redirected_where_it_leaves_and_what_is_not_where_it_arrives() -> None:
    text = ruleset(PLAN)
    assert [rule.partition(" counter ")[0] for rule in chain(text, "redirect_calls")] == [
        'iifname != "lo" ip daddr 10.77.1.1 tcp dport 8443',
        'iifname != "lo" ip daddr 10.77.1.2 tcp dport 8080',
    ]
    exempt, *redirected = chain(text, "redirect_local_calls")
    assert exempt == "meta skuid 999 return"
    assert [rule.partition(" counter ")[0] for rule in redirected] == [
        "ip daddr 10.77.1.1 tcp dport 8443",
        "ip daddr 127.0.0.1 tcp dport 8443",
        "ip daddr 10.77.1.2 tcp dport 8080",
    ]


def test_the_loopback_is_called_from_here_alone() -> None:
    assert [redirect.address for redirect in from_outside(PLAN.redirects)] == ["10.77.1.1", "10.77.1.2"]


def test_nothing_local_meets_quarantines_and_limits() -> None:
    text = ruleset(PLAN)
    assert chain(text, "quarantine")[:2] == arrival_rules()
    assert arrival_rules()[0] == 'iifname "lo" accept'
    assert all(rule.startswith('iifname != "lo" ') for rule in chain(text, "limit_senders"))


def test_the_last_word_on_an_access_point_s_port_is_no() -> None:
    *_, calls, datagrams = access_point_rules(PLAN)
    assert calls == "tcp dport { 8080, 8443 } counter name bypass reject with tcp reset"
    assert datagrams == "udp dport { 8080, 8443 } fib daddr type local counter name bypass drop"
    assert not any("unjudged" in rule for rule in access_point_rules(PLAN))


def test_the_guards_stand_at_this_machine_and_not_between_networks() -> None:
    text = ruleset(PLAN)
    assert "hook forward" not in text
    assert chain(text, "guard_access_points") == access_point_rules(PLAN)
    assert chain(text, "guard_answers") == answer_rules(PLAN)


def test_with_fail_mode_open_every_way_asks_for_the_sender_s_worker() -> None:
    plan = msgspec.structs.replace(PLAN, fail_mode="open")
    text = ruleset(plan, alive_for={0: 3.0})
    redirected = [rule for rule in chain(text, "redirect_local_calls") if "dnat" in rule]
    assert len(redirected) == 3
    assert all("@alive counter name redirected" in rule for rule in redirected)
    (passing,) = [rule for rule in access_point_rules(plan) if "unjudged accept" in rule]
    assert passing.startswith("ip daddr . tcp dport { 10.77.1.1 . 8443, 10.77.1.2 . 8080, 127.0.0.1 . 8443 }")
    assert "!= @alive" in passing
    assert "@alive" in answer_rules(plan)[-1]


def test_a_syn_with_the_gateway_s_mark_is_the_gateway_s() -> None:
    text = answer_rules(PLAN)
    accepted = next(n for n, rule in enumerate(text) if rule.endswith("meta skuid 999 accept"))
    assert "== syn ct mark and 0x02000000 == 0x02000000 counter name bypass drop" in text[accepted + 1]


def test_root_has_no_exemption() -> None:
    assert local_exemption(AS_ROOT) == []
    assert "skuid" not in ruleset(AS_ROOT)
