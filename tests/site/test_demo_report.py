"""When the demonstration may say that it succeeded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from models.simulation.paper_attacks import AttackClass
from tests.site.attacks import AttackReport
from tests.site.calls import Tally
from tests.site.demo_identity import PlainReport, SharedReport
from tests.site.demo_report import Quarantined, Result

GOOD_LIFE = Tally(calls=1000, answered=995, refused=5)
PLAIN = PlainReport(
    strengths=frozenset({"mac-and-ip"}), legitimate=GOOD_LIFE, forged_call_passed=False, forged_packets=3
)
SHARED = SharedReport(
    ip="192.0.2.40",
    subverted="/agent2/battery4",
    refused=60,
    neighbours={"/agent2/tempin5": GOOD_LIFE, "/agent2/lightcontrol5": GOOD_LIFE},
    quarantined=frozenset({"/agent2/battery4"}),
    in_kernel=False,
)


def blocked(attack_class: AttackClass, first_refused: int | None = 3) -> AttackReport:
    return AttackReport(
        label=attack_class,
        attacker="/agent1/movement2",
        tally=Tally(calls=10, refused=8, answered=2),
        planned=10,
        first_refused=first_refused,
    )


def result(**changes: Any) -> Result:
    parts: dict[str, Any] = {
        "attacks": [blocked(each) for each in AttackClass],
        "legitimate": GOOD_LIFE,
        "quarantined": [],
        "kernel_entries": [],
        "audit": "12 records, the chain is whole",
        "audit_intact": True,
        "plain": PLAIN,
        "shared": SHARED,
    }
    return Result(**(parts | changes))


def test_all_blocked_and_the_site_lives() -> None:
    assert result().failures() == []


@pytest.mark.parametrize("missed", AttackClass)
def test_a_class_that_was_never_blocked(missed: AttackClass) -> None:
    attacks = [blocked(each, None if each is missed else 1) for each in AttackClass]
    (failure,) = result(attacks=attacks).failures()
    assert failure.endswith("was not blocked")


def test_a_class_that_did_not_take_place() -> None:
    (failure,) = result(attacks=[blocked(each) for each in list(AttackClass)[1:]]).failures()
    assert failure.endswith("did not take place")


@pytest.mark.parametrize("kind", ["refused", "silent", "failed"])
def test_one_percent_of_legitimate_calls_without_a_good_answer(kind: str) -> None:
    hindered = msgspec.structs.replace(Tally(calls=1000, answered=990), **{kind: 10})
    (failure,) = result(legitimate=hindered).failures()
    assert failure == "1.00% of the legitimate calls were blocked"


def test_a_site_that_does_not_live_at_all() -> None:
    assert result(legitimate=Tally()).failures() == ["100.00% of the legitimate calls were blocked"]


def test_a_broken_chain() -> None:
    assert result(audit_intact=False).failures() == ["the audit chain is broken"]


def test_senders_that_the_kernel_drops_and_the_log_does_not_know() -> None:
    entries = ["02:00:5e:00:53:01 . 192.0.2.9"]
    (failure,) = result(kernel_entries=entries).failures()
    assert "audit log does not tell" in failure
    assert result(kernel_entries=entries, quarantined=[Quarantined("/agent1/a", entries[0])]).failures() == []


@pytest.mark.parametrize(
    ("change", "failure"),
    [
        ({"strengths": frozenset({"ip"})}, "were known by ip"),
        ({"strengths": frozenset()}, "were known by nothing"),
        ({"legitimate": Tally()}, "could not work"),
        ({"forged_call_passed": True}, "a forged address got through"),
        ({"forged_packets": 0}, "a forged address got through"),
    ],
)
def test_the_access_point_without_tls(change: dict[str, Any], failure: str) -> None:
    (found,) = result(plain=replace(PLAIN, **change)).failures()
    assert failure in found


@pytest.mark.parametrize(
    ("change", "failure"),
    [
        ({"refused": 0}, "was not refused"),
        ({"in_kernel": True}, "the kernel drops 192.0.2.40"),
        ({"neighbours": {"/agent2/tempin5": Tally(calls=3, answered=2, silent=1)}}, "/agent2/tempin5 suffers"),
        ({"neighbours": {"/agent2/tempin5": Tally()}}, "/agent2/tempin5 suffers"),
        ({"quarantined": frozenset({"/agent2/battery4", "/agent2/tempin5"})}, "/agent2/tempin5 suffers"),
    ],
)
def test_the_host_that_services_share(change: dict[str, Any], failure: str) -> None:
    (found,) = result(shared=replace(SHARED, **change)).failures()
    assert failure in found


def test_both_are_told() -> None:
    table = result().table()
    assert "known by mac-and-ip" in table
    assert "dropped by nftables, 3 packets" in table
    assert "three services share 192.0.2.40; the kernel drops none of them" in table
    assert "/agent2/tempin5            healthy: 1000 calls since then, 995 answered" in table
