"""What changes from one policy to another, in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher

from policy.document import Effective, PolicyDocument, ServiceTypePolicy, Thresholds
from policy.duration import duration
from policy.inferred import is_inferred
from policy.rule import Rule

_SINGLE = ("scoring", "unknown_sender", "unknown_type", "unknown_node", "time_zone")


def differences(old: PolicyDocument, new: PolicyDocument) -> list[str]:
    """Return one line for each change of what the gateway would do; nothing for policies that do the same."""
    return [
        *_modes(old, new),
        *_inferred(old, new),
        *_settings(old, new),
        *_types(old, new),
        *_rules(old.rules, new.rules),
        *_quarantine(old, new),
    ]


def _changed(what: str, old: object, new: object) -> Iterator[str]:
    if old != new:
        yield f"{what}: {_told(old)} -> {_told(new)}"


def _told(value: object) -> str:
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _modes(old: PolicyDocument, new: PolicyDocument) -> Iterator[str]:
    yield from _changed("mode of the service types that are not named", old.mode, new.mode)
    yield from _thresholds("thresholds of the service types that are not named", _base(old), _base(new))


def _inferred(old: PolicyDocument, new: PolicyDocument) -> Iterator[str]:
    before, after = (each.inferred.mode or each.mode for each in (old, new))
    if old.inferred.mode != new.inferred.mode:
        yield from _changed("mode of inferred types", before, after)
    base, other = (each.inferred.thresholds.over(each.thresholds) for each in (old, new))
    if old.inferred != new.inferred:
        yield from _thresholds("thresholds of inferred types", base, other)


def _base(policy: PolicyDocument) -> Effective:
    return ServiceTypePolicy().thresholds.over(policy.thresholds)


def _thresholds(what: str, old: Effective, new: Effective) -> Iterator[str]:
    for name, before, after in zip(Effective._fields, old, new, strict=True):
        yield from _changed(f"{what}, {name}", before, after)


def _settings(old: PolicyDocument, new: PolicyDocument) -> Iterator[str]:
    for name in _SINGLE:
        for line in _changed(name, getattr(old, name), getattr(new, name)):
            yield f"{line} (takes a restart)" if name == "scoring" else line
    for name in ("instance_minutes", "instances"):
        yield from _changed(f"readiness.{name}", getattr(old.readiness, name), getattr(new.readiness, name))
    yield from _changed("readiness.quiet", duration(old.readiness.quiet), duration(new.readiness.quiet))


def _below(policy: PolicyDocument, service_type: str) -> Thresholds | Effective:
    """Return the thresholds that a type has where nothing is said of it alone."""
    return policy.inferred.thresholds.over(policy.thresholds) if is_inferred(service_type) else policy.thresholds


def _types(old: PolicyDocument, new: PolicyDocument) -> Iterator[str]:
    default = ServiceTypePolicy()
    for name in sorted(old.service_types.keys() | new.service_types.keys()):
        before, after = (each.service_types.get(name, default) for each in (old, new))
        yield from _changed(f"{name}: mode", before.mode or old.mode, after.mode or new.mode)
        yield from _changed(
            f"{name}: unknown_node", before.unknown_node or old.unknown_node, after.unknown_node or new.unknown_node
        )
        own, other = before.thresholds.over(_below(old, name)), after.thresholds.over(_below(new, name))
        yield from _thresholds(f"{name}: thresholds", own, other)
        for partner in sorted(before.partners.keys() | after.partners.keys()):
            then = before.partners[partner].thresholds.over(own) if partner in before.partners else own
            now = after.partners[partner].thresholds.over(other) if partner in after.partners else other
            yield from _thresholds(f"{name} to {partner}: thresholds", then, now)


def _rules(old: list[Rule], new: list[Rule]) -> Iterator[str]:
    before, after = ({rule.name: rule for rule in rules} for rules in (old, new))
    for rule in old:
        if rule.name not in after:
            yield f"rule {rule.name} ({rule.action}) is removed"
    for index, rule in enumerate(new):
        known = before.get(rule.name)
        if known is None:
            yield f"rule {rule.name} ({rule.action}) is added {_place(new, index)}"
        elif known != rule:
            names = [name for name in Rule.model_fields if getattr(known, name) != getattr(rule, name)]
            yield f"rule {rule.name} ({rule.action}) is changed: {', '.join(names)}"
    yield from _moved([each.name for each in old if each.name in after], [each.name for each in new], before)


def _place(rules: list[Rule], index: int) -> str:
    return f"after {rules[index - 1].name}" if index else "as the first"


def _moved(old: list[str], all_new: list[str], known: dict[str, Rule]) -> Iterator[str]:
    new = [name for name in all_new if name in known]
    stay = {
        name
        for block in SequenceMatcher(a=old, b=new, autojunk=False).get_matching_blocks()
        for name in old[block.a : block.a + block.size]
    }
    for name in new:
        if name not in stay:
            index = all_new.index(name)
            yield f"rule {name} is moved: it comes {f'after {all_new[index - 1]}' if index else 'first'} now"


def _quarantine(old: PolicyDocument, new: PolicyDocument) -> Iterator[str]:
    before, after = old.quarantine, new.quarantine
    yield from _changed("quarantine.expiry", duration(before.expiry), duration(after.expiry))
    yield from _changed("quarantine.back_off.factor", before.back_off.factor, after.back_off.factor)
    for name in ("longest", "forgotten_after"):
        then, now = (duration(getattr(each.back_off, name)) for each in (before, after))
        yield from _changed(f"quarantine.back_off.{name}", then, now)
    for name in ("refusals", "different"):
        then_count, now_count = (getattr(each.escalation, name) for each in (before, after))
        yield from _changed(f"quarantine.escalation.{name}", then_count, now_count)
    then, now = (duration(each.escalation.within) for each in (before, after))
    yield from _changed("quarantine.escalation.within", then, now)
    for entry in before.protected:
        if entry not in after.protected:
            yield f"{entry} is no longer protected from quarantine"
    for entry in after.protected:
        if entry not in before.protected:
            yield f"{entry} is protected from quarantine, and let go if it is there"
