"""Which lines of `policy.yaml` a verdict rests on."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from policy import yaml_source
from policy.document import PolicyDocument
from policy.verdict import Action, Verdict

_REFUSALS = {"unknown-sender": "unknown_sender", "unknown-type": "unknown_type", "unknown-node": "unknown_node"}


class PolicyLine(msgspec.Struct, frozen=True):
    """One setting."""

    key: str
    """E.g. `service_types./doorLock.thresholds.block`."""
    value: str
    line: int | None
    """Of the file, from 1; None where the file leaves it out, so that the default holds."""


def deciding_lines(text: str, verdict: Verdict, *, rule: str | None = None) -> list[PolicyLine]:
    """Return the settings that made a verdict what it is: the mode, and the threshold, rule or handling.

    Args:
        text: The policy that was in force then.
        verdict: Judged by it.
        rule: Name of the rule of the policy that matched, if one did.
    """
    source = yaml_source.parse(text)
    kind = verdict.call.sender.service_type
    if kind is None and verdict.call.accesses:
        kind = verdict.call.accesses[0].source_type
    found = [_of_type(source, kind, ("mode",))]
    if rule is not None:
        found += _rule(source, rule)
    if verdict.reason in _REFUSALS:
        found.append(_setting(source, (_REFUSALS[verdict.reason],)))
    elif verdict.score is not None:
        name = "quarantine" if verdict.would_be is Action.QUARANTINE else "block"
        found.append(_of_type(source, kind, ("thresholds", name)))
        if verdict.alert:
            found.append(_of_type(source, kind, ("thresholds", "alert")))
    elif verdict.reason == "quarantined":
        found.append(_setting(source, ("quarantine", "expiry")))
    return found


def _of_type(source: yaml_source.Source, kind: str | None, path: yaml_source.Path) -> PolicyLine:
    own = ("service_types", kind or "", *path)
    return _setting(source, own if own in source.marks else path)


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
