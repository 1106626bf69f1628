"""Which lines of `policy.yaml` a verdict rests on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from policy import precedence, yaml_source
from policy.document import PolicyDocument
from policy.engine import QUARANTINED, UNKNOWN_NODE, UNKNOWN_SENDER, UNKNOWN_TYPE
from policy.escalation import EscalationPolicy
from policy.verdict import Action, Verdict

_OF_ALL: dict[str, yaml_source.Path] = {
    UNKNOWN_SENDER: ("unknown_sender",),
    UNKNOWN_TYPE: ("unknown_type",),
    QUARANTINED: ("quarantine", "expiry"),
}
"""Settings that no service type can have of its own, by the reason that they decide about."""


class PolicyLine(msgspec.Struct, frozen=True):
    """One setting."""

    key: str
    """E.g. `service_types./doorLock.thresholds.block`."""
    value: str
    line: int | None
    """Of the file, from 1; None where the file leaves it out, so that the default holds."""


def deciding_lines(text: str, policy: PolicyDocument, verdict: Verdict, *, rule: str | None = None) -> list[PolicyLine]:
    """Return the settings that made a verdict what it is: the mode, and the threshold, rule or handling.

    Args:
        text: The policy that was in force then.
        policy: What it says.
        verdict: Judged by it.
        rule: Name of the rule of the policy that matched, if one did.
    """
    source = yaml_source.parse(text)
    kind = verdict.call.sender.service_type
    if kind is None and verdict.call.accesses:
        kind = verdict.call.accesses[0].source_type
    found = [_setting(source, precedence.mode(policy, kind).path)]
    if rule is not None:
        found += _rule(source, rule)
    return found + [_setting(source, path) for path in _decided(policy, verdict, kind)]


def _decided(policy: PolicyDocument, verdict: Verdict, kind: str | None) -> Iterator[yaml_source.Path]:
    """Return the places of what decided beside the mode and the rules."""
    score = verdict.score
    if verdict.reason in _OF_ALL:
        yield _OF_ALL[verdict.reason]
    elif verdict.reason == UNKNOWN_NODE:
        yield precedence.unknown_node(policy, kind).path
    elif score is not None:
        partner = verdict.call.accesses[verdict.worst].destination_type
        by_score = verdict.would_be is Action.QUARANTINE and not verdict.repeats
        yield precedence.threshold(policy, kind, partner, "quarantine" if by_score else "block").path
        if verdict.repeats:
            yield from (("quarantine", "escalation", name) for name in EscalationPolicy.model_fields)
        alert = precedence.threshold(policy, kind, partner, "alert")
        # A rule can alert as well, or another access of the call.
        if verdict.alert and alert.value is not None and score.av >= alert.value:
            yield alert.path


def _setting(source: yaml_source.Source, path: yaml_source.Path) -> PolicyLine:
    key = ".".join(str(step) for step in path)
    if path in source.marks:
        return PolicyLine(key, _shown(_at(source.data, path)), source.marks[path].line)
    default = PolicyDocument().model_dump(mode="json")
    return PolicyLine(key, _shown(_at(default, path)), None)


def _rule(source: yaml_source.Source, name: str) -> list[PolicyLine]:
    rules = _at(source.data, ("rules",))
    for index, each in enumerate(rules if isinstance(rules, list) else []):
        if _at(each, ("name",)) == name and (mark := source.mark(("rules", index))) is not None:
            return [PolicyLine(f"rules[{index}]", name, mark.line)]
    return []


def _at(data: object, path: Sequence[yaml_source.Key]) -> object:
    for step in path:
        data = data.get(step) if isinstance(data, dict) else None
    return data


def _shown(value: object) -> str:
    return "null" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
