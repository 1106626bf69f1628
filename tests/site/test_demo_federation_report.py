"""When the demonstration of the federation may say that it succeeded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from models.simulation.paper_attacks import AttackClass
from tests.site.attacks import AttackReport
from tests.site.calls import Tally
from tests.site.demo_federation_report import Compared, FederationResult, InForce, Joined, Merged, Outage

GOOD_LIFE = Tally(calls=1000, answered=995, refused=5)
JOINED = Joined(seconds=1.5, scale=60, types=8, here=7, own=14, others=60_000)


def attack(attack_class: AttackClass, *, blocked: bool) -> AttackReport:
    tally = Tally(calls=10, refused=8, answered=2) if blocked else Tally(calls=10, answered=10)
    return AttackReport(
        label=attack_class,
        attacker="/agent7/movement7",
        tally=tally,
        planned=10,
        first_refused=3 if blocked else None,
    )


def compared(attack_class: AttackClass) -> Compared:
    return Compared(attack(attack_class, blocked=False), attack(attack_class, blocked=True))


OUTAGE = Outage(
    what="link down",
    seconds=12.0,
    legitimate={"A": GOOD_LIFE, "B": GOOD_LIFE},
    attacks={site: attack(AttackClass.SPYING, blocked=True) for site in "AB"},
    told=dict.fromkeys("AB", "the federation was heard 700 s ago"),
    merged_after=2.5,
)
AT_A = InForce(own=300, told=4060, version="0123", settled=True, exact=True)
AT_B = InForce(own=60, told=4300, version="4567", settled=True, exact=True)
MERGED = Merged(
    service_type="/lightControler",
    contributed={"a": 300, "b": 60, "c": 4000},
    in_force={"A": AT_A, "B": AT_B},
)


def result(**changes: Any) -> FederationResult:
    parts: dict[str, Any] = {
        "joined": JOINED,
        "attacks": [compared(each) for each in AttackClass],
        "outages": [OUTAGE, replace(OUTAGE, what="killed")],
        "merged": [MERGED],
        "legitimate": {"A": GOOD_LIFE, "B": GOOD_LIFE},
        "shut_out": {"A": [], "B": []},
        "audit_intact": {"A": True, "B": True},
        "kept_out": True,
    }
    return FederationResult(**(parts | changes))


def test_all_held() -> None:
    assert result().failures() == []


@pytest.mark.parametrize(("seconds", "failure"), [(None, "never came to enforce"), (2.1, "took 2.1 minutes")])
def test_a_site_that_enforces_late_or_never(seconds: float | None, failure: str) -> None:
    (found,) = result(joined=replace(JOINED, seconds=seconds)).failures()
    assert failure in found


@pytest.mark.parametrize("missed", AttackClass)
def test_an_attack_that_was_never_blocked(missed: AttackClass) -> None:
    passed = Compared(attack(missed, blocked=False), attack(missed, blocked=False))
    attacks = [passed if each is missed else compared(each) for each in AttackClass]
    (failure,) = result(attacks=attacks).failures()
    assert failure.endswith("was not blocked at site B")


def test_an_attack_that_a_site_alone_would_have_known() -> None:
    known = Compared(attack(AttackClass.SCAN, blocked=True), attack(AttackClass.SCAN, blocked=True))
    attacks = [known if each is AttackClass.SCAN else compared(each) for each in AttackClass]
    (failure,) = result(attacks=attacks).failures()
    assert failure.endswith("it shows nothing")


def test_an_attack_that_did_not_take_place() -> None:
    (failure,) = result(attacks=[compared(each) for each in list(AttackClass)[1:]]).failures()
    assert failure.endswith("did not take place")


@pytest.mark.parametrize(
    ("change", "failure"),
    [
        ({"legitimate": {"A": GOOD_LIFE, "B": Tally(calls=9, silent=9)}}, "site B stood still"),
        ({"attacks": {"A": attack(AttackClass.SPYING, blocked=False)}}, "spying was not blocked at site A"),
        ({"told": {"A": "", "B": "the federation was heard 700 s ago"}}, "site A does not say so"),
        ({"merged_after": None}, "was not merged afterwards"),
    ],
)
def test_a_time_without_the_service(change: dict[str, Any], failure: str) -> None:
    (found,) = result(outages=[replace(OUTAGE, **change)]).failures()
    assert found.startswith("link down: ")
    assert failure in found


def test_what_is_in_force_and_was_never_contributed() -> None:
    changed = replace(MERGED, in_force={"A": AT_A, "B": replace(AT_B, exact=False)})
    assert result(merged=[changed]).failures() == [
        "/lightControler at site B: what is in force is not the sum of what was contributed"
    ]


def test_a_minute_that_is_on_its_way_is_no_failure() -> None:
    behind = replace(MERGED, in_force={"A": AT_A, "B": replace(AT_B, told=4295, settled=False)})
    assert result(merged=[behind]).failures() == []


def test_a_federation_that_holds_nothing() -> None:
    assert result(merged=[]).failures() == ["the federation holds nothing"]


@pytest.mark.parametrize(
    ("change", "failure"),
    [
        (
            {"legitimate": {"A": GOOD_LIFE, "B": Tally(calls=1000, answered=990, silent=10)}},
            "1.00% of the legitimate calls at site B were blocked",
        ),
        ({"legitimate": {"A": Tally(), "B": GOOD_LIFE}}, "100.00% of the legitimate calls at site A were blocked"),
        (
            {"shut_out": {"A": ["/agent1/phone1"], "B": []}},
            "/agent1/phone1 of site A was shut out for nothing",
        ),
        ({"audit_intact": {"A": True, "B": False}}, "the audit chain of site B is broken"),
        ({"kept_out": False}, "a service reaches the federation's machine"),
    ],
)
def test_the_sites_themselves(change: dict[str, Any], failure: str) -> None:
    assert result(**change).failures() == [failure]


def test_what_is_told() -> None:
    table = result().table()
    assert "all of its 7 service types were enforced after 1.5 minutes of its time (1.5 s)" in table
    assert "network scan         /agent7/movement7              0 of 10       8 of 10     at call 3" in table
    assert "killed for 12 s:" in table
    assert "the federation was heard 700 s ago" in table
    assert "300 +    60 +  4000 = 4360     300 +  4060 = 4360  0123             60 +  4300 = 4360  4567" in table
    assert "site B: 1000 legitimate calls while enforcing, wrongly blocked: 5 (0.50%); audit chain whole" in table
