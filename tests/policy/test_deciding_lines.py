from __future__ import annotations

import pytest

from policy.deciding_lines import PolicyLine, deciding_lines
from policy.verdict import Verdict
from tests.policy.calls import SPYING, STRANGER, call, score
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
    return [(each.key, each.value, each.line) for each in deciding_lines(text, verdict, rule=rule)]


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
    assert lines("", judged(call(SPYING), score(1.0))) == [
        ("mode", "learn", None),
        ("thresholds.block", "7", None),
    ]


def test_an_unknown_sender_was_handled_as_the_policy_says() -> None:
    assert lines("mode: enforce\nunknown_sender: block\n", judged(call(SPYING, sender=STRANGER))) == [
        ("mode", "enforce", 1),
        ("unknown_sender", "block", 2),
    ]


@pytest.mark.parametrize(("name", "found"), [("nights", [("rules[1]", "nights", 3)]), ("days", [])])
def test_a_rule_is_found_by_its_name(name: str, found: list[tuple[str, str, int | None]]) -> None:
    text = "rules:\n  - name: technician\n  - name: nights\n"
    assert lines(text, judged(call(SPYING), score(1.0)), rule=name)[1:-1] == found


def test_a_line_is_plain_data() -> None:
    (mode, *_) = deciding_lines("mode: learn", judged(call(SPYING), score(1.0)))
    assert mode == PolicyLine("mode", "learn", 1)
