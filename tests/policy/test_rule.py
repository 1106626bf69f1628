"""What a rule may ask for, and how mistakes in it are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from policy.document import PolicyDocument
from policy.loading import DocumentError, check_document
from policy.rule import ABOUT_ACCESSES, CONDITIONS, Rule

PATH = Path("policy.yaml")


def problems(*settings: str) -> list[str]:
    text = "rules:\n  - name: one\n    action: deny\n" + "".join(f"    {line}\n" for line in settings)
    with pytest.raises(DocumentError) as caught:
        check_document(text, PATH, PolicyDocument)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("node: [agent1/lock]", "policy.yaml:4: rules[0].node[0]: 'agent1/lock' is not an address"),
        ("source_type: [doorLock]", "policy.yaml:4: rules[0].source_type[0]: 'doorLock' is not a type"),
        ("source_address: [phone]", "policy.yaml:4: rules[0].source_address[0]: 'phone' is not an address"),
        ("network: [192.0.2.1/24]", "policy.yaml:4: rules[0].network[0]: '192.0.2.1/24' is not a network"),
        ("hours: [22-6]", "policy.yaml:4: rules[0].hours[0]: '22-6' is no part of a day"),
        ("days: [mon]", 'policy.yaml:4: rules[0].days[0]: "mon" is not one of the choices'),
        ("operation: [write]", 'policy.yaml:4: rules[0].operation[0]: "write" is not one of the choices'),
        ("expires: never", "policy.yaml:4: rules[0].expires: 'never' is neither a day nor a time"),
        ("value: {}", "policy.yaml:4: rules[0].value: has no condition"),
        ("value: {at_least: 3, at_most: 2}", "policy.yaml:4: rules[0].value.at_least: 3 is above at_most (2)"),
        ("node: []", "policy.yaml:4: rules[0].node: []: list should have at least 1 item"),
        ("nodes: [/a]", "policy.yaml:4: rules[0].nodes: is not a known setting -- did you mean `node`?"),
    ],
)
def test_a_mistake_is_told_with_its_line(setting: str, told: str) -> None:
    (problem,) = problems(setting)
    assert problem.startswith(told)


def test_names_are_given_once() -> None:
    text = "rules:\n  - {name: one, action: deny}\n  - {name: two, action: deny}\n  - {name: one, action: allow}\n"
    with pytest.raises(DocumentError, match=r"policy\.yaml:4: rules\[2\]\.name: 'one' is the name of an earlier rule"):
        check_document(text, PATH, PolicyDocument)


def test_every_setting_of_a_rule_but_its_head_is_a_condition() -> None:
    assert set(Rule.model_fields) == {"name", "action", "comment", "expires", *CONDITIONS}
    assert set(ABOUT_ACCESSES) < set(CONDITIONS)


def test_a_rule_says_what_it_asks_for() -> None:
    rule = Rule.model_validate({"name": "one", "action": "deny", "network": ["192.0.2.0/24"], "days": ["monday"]})
    assert rule.conditions == {"network": ["192.0.2.0/24"], "days": ["monday"]}
    assert not rule.about_accesses
    assert Rule.model_validate({"name": "one", "action": "deny", "node": ["/a"]}).about_accesses
