from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from models.score import Score
from policy.deciding_lines import PolicyLine, deciding_lines
from policy.document import PolicyDocument
from policy.engine import Engine
from policy.loading import check_document
from policy.quarantine import QuarantineRegister
from policy.verdict import Call, Refusal, Verdict
from tests.policy.calls import NOW, SPYING, STRANGER, WASHING_MACHINE, PrescribedAnalyzer, call, score
from tests.policy.test_explanation import judged

OWN = """\
mode: enforce
thresholds:
  block: 5
service_types:
  /washingService:
    mode: monitor
    thresholds:
      quarantine: 40
"""


def lines(text: str, verdict: Verdict, rule: str | None = None) -> list[tuple[str, str, int | None]]:
    policy = check_document(text, Path("policy.yaml"), PolicyDocument)
    return [(each.key, each.value, each.line) for each in deciding_lines(text, policy, verdict, rule=rule)]


def judged_by(text: str, given: Call, *scores: Score) -> list[tuple[str, str, int | None]]:
    """Return the lines for the last of several calls, judged by the policy itself; without that of the mode."""
    policy = check_document(text, Path("policy.yaml"), PolicyDocument)
    engine = Engine(analyzer=PrescribedAnalyzer(scores), policy=policy, revision="r1", quarantines=QuarantineRegister())
    verdict = [engine.judge(given, now=NOW) for _ in scores or (None,)][-1]
    return [(each.key, each.value, each.line) for each in deciding_lines(text, policy, verdict)][1:]


def test_what_the_type_has_of_its_own_comes_before_what_is_for_all() -> None:
    assert lines(OWN, judged(call(SPYING), score(50.0))) == [
        ("service_types./washingService.mode", "monitor", 6),
        ("service_types./washingService.thresholds.quarantine", "40", 8),
        ("thresholds.alert", "4", None),
    ]
    assert lines(OWN, judged(call(SPYING), score(1.0))) == [
        ("service_types./washingService.mode", "monitor", 6),
        ("thresholds.block", "5", 3),
    ]


def test_what_the_file_leaves_out_is_a_default() -> None:
    assert lines("time_zone: UTC", judged(call(SPYING), score(1.0))) == [
        ("mode", "learn", None),
        ("thresholds.block", "7", None),
    ]


def test_an_unknown_sender_was_handled_as_the_policy_says() -> None:
    assert lines("mode: enforce\nunknown_sender: block\n", judged(call(SPYING, sender=STRANGER))) == [
        ("mode", "enforce", 1),
        ("unknown_sender", "block", 2),
    ]


PARTNERS = """\
mode: enforce
thresholds: {quarantine: 25}
service_types:
  /washingService:
    thresholds:
      alert: null
      block: 6
    unknown_node: block
    partners:
      /sensorService:
        thresholds:
          alert: 3
          block: 5
          quarantine: null
"""
TO_PARTNER = "service_types./washingService.partners./sensorService.thresholds"


def test_what_is_said_for_a_partner_comes_before_what_the_type_has_of_its_own() -> None:
    elsewhere = call(msgspec.structs.replace(SPYING, destination_type="/doorLock"))
    assert judged_by(PARTNERS, call(SPYING), score(5.5)) == [
        (f"{TO_PARTNER}.block", "5", 13),
        (f"{TO_PARTNER}.alert", "3", 12),
    ]
    assert judged_by(PARTNERS, elsewhere, score(6.0)) == [
        ("service_types./washingService.thresholds.block", "6", 7),
        ("thresholds.alert", "4", None),
    ]
    assert judged_by(PARTNERS, elsewhere, score(26.0))[0] == ("thresholds.quarantine", "25", 2)


def test_the_partner_is_that_of_the_access_that_decides() -> None:
    elsewhere = msgspec.structs.replace(SPYING, destination_type="/doorLock")
    verdict = judged(call(SPYING, elsewhere), score(1.0), score(6.5))
    assert lines(PARTNERS, verdict)[1] == ("service_types./washingService.thresholds.block", "6", 7)


def test_an_unknown_node_was_handled_as_the_type_says_where_it_does() -> None:
    unknown = Refusal(code="unknown-node", detail="No such node is known.", every_mode=False)
    other = msgspec.structs.replace(WASHING_MACHINE, service_type="/phone")
    assert judged_by(PARTNERS, call(SPYING, refusal=unknown)) == [
        ("service_types./washingService.unknown_node", "block", 8)
    ]
    assert judged_by(PARTNERS, call(SPYING, sender=other, refusal=unknown)) == [("unknown_node", "block", None)]


def test_too_many_refusals_are_told_by_what_says_how_many_are() -> None:
    text = "mode: enforce\nquarantine:\n  escalation:\n    refusals: 3\n    different: 1\n"
    assert judged_by(text, call(SPYING), *[score(9.0)] * 3) == [
        ("thresholds.block", "7", None),
        ("quarantine.escalation.refusals", "3", 4),
        ("quarantine.escalation.different", "1", 5),
        ("quarantine.escalation.within", "10m", None),
        ("thresholds.alert", "4", None),
    ]


def test_an_alert_of_a_rule_is_not_put_down_to_the_threshold() -> None:
    text = "mode: enforce\nrules:\n  - {name: look, action: alert}\n"
    assert judged_by(text, call(SPYING), score(1.0)) == [("thresholds.block", "7", None)]


def test_who_is_in_quarantine_stays_as_long_as_the_policy_says() -> None:
    text = "mode: enforce\nquarantine:\n  expiry: 15m\n"
    assert judged_by(text, call(SPYING), score(50.0), score(0.0)) == [("quarantine.expiry", "15m", 3)]


@pytest.mark.parametrize(("name", "found"), [("nights", [("rules[1]", "nights", 3)]), ("days", [])])
def test_a_rule_is_found_by_its_name(name: str, found: list[tuple[str, str, int | None]]) -> None:
    text = "rules:\n  - {name: technician, action: allow}\n  - {name: nights, action: deny}\n"
    assert lines(text, judged(call(SPYING), score(1.0)), rule=name)[1:-1] == found


def test_a_line_is_plain_data() -> None:
    (mode, *_) = deciding_lines("mode: learn", PolicyDocument(), judged(call(SPYING), score(1.0)))
    assert mode == PolicyLine("mode", "learn", 1)
