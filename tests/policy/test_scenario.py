"""What a scenario may say, and how mistakes in it are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from policy.loading import DocumentError, check_document
from policy.scenario import Scenario

HEAD = "description: one\nservices:\n  a: {address: /agent1/a, type: /a}\n"


STEP = "steps: [{who: a, does: get, expect: {alert: true}}]\n"


def problems(text: str) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        check_document(HEAD + text, Path("s.yaml"), Scenario)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "steps:\n  - {who: a, whom: b, does: get, expect: {action: block}}\n",
            "s.yaml:5: steps[0].whom: there is no service b -- name one of services",
        ),
        ("steps:\n  - {who: a, does: get, expect: {}}\n", "s.yaml:5: steps[0].expect: expects nothing"),
        ("steps: []\n", "s.yaml:4: steps: []: list should have at least 1 item"),
        (
            "steps:\n  - {who: a, does: get, wait: 8d, expect: {alert: true}}\n",
            "s.yaml:5: steps[0].wait: is too long to be played -- write 7d at most",
        ),
        (
            "training: [{who: a, does: get, every: 1m, lasting: 8d}]\n" + STEP,
            "s.yaml:4: training[0].lasting: is too long to be played",
        ),
        ("start: 2026-03-02\nsteps:\n  - {who: a, does: get, expect: {alert: true}}\n", "s.yaml:4: start: "),
        (
            "policy:\n  mode: strict\nsteps:\n  - {who: a, does: get, expect: {alert: true}}\n",
            's.yaml:5: policy.mode: "strict" is not one of the choices',
        ),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, told: str) -> None:
    (problem,) = problems(text)
    assert problem.startswith(told)
