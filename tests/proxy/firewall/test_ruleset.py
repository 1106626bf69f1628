"""What the text says; that it does what it says is seen by packets in tests/network."""

from __future__ import annotations

import msgspec
import pytest

from proxy.firewall import ruleset
from proxy.firewall.plan import AccessPoint, Entry, Plan

TWO = Plan(
    access_points=(
        AccessPoint(
            name="agent1",
            ipv4="10.77.2.11",
            ipv6="fd77:2::11",
            port=8443,
            listener_ipv4="10.77.1.1",
            listener_ipv6="fd77:1::1",
            listener_port=9001,
        ),
        AccessPoint(name="agent2", ipv4="10.77.2.12", port=8080, listener_ipv4="10.77.1.1", listener_port=9002),
    ),
    service_interfaces=("iot", "wlan0"),
    access_interfaces=("access",),
)


def chain(text: str, name: str) -> list[str]:
    """Return the rules of a chain."""
    body = text.partition(f"chain {name} {{")[2].partition("}\n\n")[0]
    return [line.strip() for line in body.splitlines()[2:] if line.strip() not in {"", "}"}]


def test_each_access_point_gets_its_redirects() -> None:
    rules = chain(ruleset.ruleset(TWO), "redirect_calls")
    assert [rule.split(" counter ")[0] for rule in rules] == [
        'iifname { "iot", "wlan0" } ip daddr 10.77.2.11 tcp dport 8443',
        'iifname { "iot", "wlan0" } ip6 daddr fd77:2::11 tcp dport 8443',
        'iifname { "iot", "wlan0" } ip daddr 10.77.2.12 tcp dport 8080',
    ]
    assert [rule.split(" dnat ")[1] for rule in rules] == [
        'ip to 10.77.1.1:9001 comment "agent1"',
        'ip6 to [fd77:1::1]:9001 comment "agent1"',
        'ip to 10.77.1.1:9002 comment "agent2"',
    ]


def test_each_listener_takes_only_its_own_calls_and_the_last_word_is_no() -> None:
    *accepting, last = chain(ruleset.ruleset(TWO), "guard_listeners")
    accepting = [rule for rule in accepting if not rule.startswith("meta nfproto")]
    assert len(accepting) == 3
    assert all("ct status dnat" in rule and rule.endswith("accept") for rule in accepting)
    assert last == "tcp dport { 9001, 9002 } counter name direct reject with tcp reset"


@pytest.mark.parametrize("addresses", ["ip daddr { 10.77.2.11, 10.77.2.12 }", "ip6 daddr { fd77:2::11 }"])
def test_the_last_word_on_an_access_point_is_no(addresses: str) -> None:
    rules = [rule for rule in chain(ruleset.ruleset(TWO), "guard_access_points") if addresses in rule]
    assert rules[-1] == f"{addresses} counter name bypass drop"


def test_with_fail_mode_closed_nothing_asks_who_is_alive() -> None:
    assert "alive" not in ruleset.ruleset(TWO, alive_for={0: 3.0})
    assert "unjudged accept" not in ruleset.ruleset(TWO)


def test_with_fail_mode_open_every_way_asks_for_the_sender_s_worker() -> None:
    text = ruleset.ruleset(msgspec.structs.replace(TWO, fail_mode="open"), alive_for={1: 3.0})
    assert "elements = { 1 timeout 3000ms }" in text
    assert all("seed 0x1 @alive counter name redirected" in rule for rule in chain(text, "redirect_calls"))
    passing = [rule for rule in chain(text, "guard_access_points") if "unjudged accept" in rule]
    assert len(passing) == 2
    assert all(rule.startswith('iifname { "iot", "wlan0" }') and "!= @alive" in rule for rule in passing)


def test_without_interfaces_calls_from_anywhere_are_redirected() -> None:
    text = ruleset.ruleset(Plan(access_points=TWO.access_points))
    assert "iifname" not in text
    assert len(chain(text, "redirect_calls")) == 3


def test_on_a_shared_interface_access_points_are_not_taken_for_spoofed() -> None:
    text = ruleset.ruleset(
        Plan(access_points=TWO.access_points, service_interfaces=("lan",), access_interfaces=("lan",))
    )
    assert "counter name spoofed" not in text


def test_no_set_is_an_interval_set_and_each_has_a_cap() -> None:
    text = ruleset.ruleset(TWO)
    assert "interval" not in text
    assert text.count("size 131072") == len(ruleset.SETS)
    assert text.count("\tset ") == text.count("\t\tsize ")


def test_quarantines_are_part_of_the_transaction() -> None:
    entries = (
        Entry(ip="10.77.1.10", until=160.0),
        Entry(ip="10.77.1.11"),
        Entry(ip="10.77.1.12", until=99.0),
        Entry(ip="fd77:1::10", mac="02:00:00:00:00:01", until=100.25),
    )
    text = ruleset.ruleset(TWO, entries, now=100.0)
    assert "elements = { 10.77.1.10 timeout 0d60000ms, 10.77.1.11 }" in text
    assert "elements = { 02:00:00:00:00:01 . fd77:1:: timeout 0d250ms }" in text
    assert "10.77.1.12" not in text.split("chain")[0]


def test_the_same_plan_gives_the_same_text() -> None:
    assert ruleset.ruleset(TWO, now=1.0) == ruleset.ruleset(TWO, now=1.0)


def test_senders_are_sorted_into_their_sets() -> None:
    entries = [
        Entry(ip="10.77.1.10"),
        Entry(ip="fd77:1::10"),
        Entry(ip="fd77:1::/64"),
        Entry(ip="10.77.1.10", mac="02:00:00:00:00:01"),
        Entry(ip="fd77:1::10", mac="02:00:00:00:00:01"),
    ]
    assert [ruleset.set_of(entry) for entry in entries] == list(ruleset.SETS)


def test_where_room_is_short_the_latest_are_kept() -> None:
    entries = [Entry(ip=f"10.8.{n >> 8 & 255}.{n & 255}") for n in range(502)]
    chosen, left_out = ruleset.fitting([*entries, Entry(ip="fd77::1")], 500)
    assert left_out == entries[:2]
    assert chosen[:-1] == entries[2:]
    assert chosen[-1].ip == "fd77::1"
