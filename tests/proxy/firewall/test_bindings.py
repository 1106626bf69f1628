"""What the sets hold; that forged senders are dropped is seen by frames in tests/network."""

from __future__ import annotations

from proxy.firewall.bindings import binding_chains, binding_rules, binding_sets
from proxy.firewall.plan import Binding

MAC = "02:00:5e:00:53:01"


def test_each_version_has_its_addresses_and_pairs() -> None:
    sets = binding_sets([Binding(ip="10.0.0.1", mac=MAC), Binding(ip="fd00::1", mac=MAC)])
    assert [block.partition("elements = ")[2].rstrip("\n}") for block in sets] == [
        "{ 10.0.0.1 ",
        f"{{ {MAC} . 10.0.0.1 ",
        "{ fd00::1 ",
        f"{{ {MAC} . fd00::1 ",
    ]
    assert all("flags constant" in block for block in sets)


def test_without_bindings_the_sets_are_there_and_empty() -> None:
    assert ["elements" in block for block in binding_sets([])] == [False] * 4


def test_the_last_word_on_a_bound_address_is_no() -> None:
    assert [rules[-1] for rules in binding_chains().values()] == ["counter name forged_sender drop"] * 2
    assert [rule.rpartition(" jump ")[2] for rule in binding_rules("")] == list(binding_chains())
