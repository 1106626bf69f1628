"""What a policy may say and hardly means: rules that have expired, that can never match, or that allow all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policy.document import ModeSetting, PolicyDocument
from policy.loading import Inconsistency
from policy.local_time import LocalTime
from policy.rule import Rule, RuleAction

_DECIDING = frozenset({RuleAction.ALLOW, RuleAction.DENY})


def doubts(policy: PolicyDocument, now: float) -> list[Inconsistency]:
    """Return what to look at again, each with its place and a remedy.

    Args:
        policy: A valid policy.
        now: Real time, s since the epoch.
    """
    found = [*_thresholds(policy)]
    time = LocalTime(policy.time_zone)
    for index, rule in enumerate(policy.rules):
        place = ("rules", index)
        if rule.expires is not None and now >= time.ends(rule.expires):
            message = f"rule {rule.name} has expired and does nothing"
            found.append(Inconsistency((*place, "expires"), message, "remove it, or give it a later day"))
            continue
        found += [Inconsistency(place, message, remedy) for message, remedy in _of_rule(policy, rule)]
        earlier = _earlier(policy.rules[:index], rule)
        if earlier is not None:
            message = f"rule {rule.name} never matches: {earlier.name}, which comes first, matches all that it does"
            found.append(Inconsistency(place, message, "move it up, or remove one of the two"))
    return found


def _thresholds(policy: PolicyDocument) -> Iterator[Inconsistency]:
    if policy.thresholds.block == 0:
        yield Inconsistency(("thresholds", "block"), "with 0 enforce refuses every call", "write a number above 0")
    for name, override in policy.service_types.items():
        if override.thresholds.block == 0:
            place = ("service_types", name, "thresholds", "block")
            yield Inconsistency(place, f"with 0 enforce refuses every call of {name}", "write a number above 0")


def _of_rule(policy: PolicyDocument, rule: Rule) -> Iterator[tuple[str, str]]:
    if rule.action is RuleAction.ALLOW:
        if not rule.conditions:
            yield f"rule {rule.name} allows every call of every service", "give it a condition, or use mode: monitor"
        if not rule.comment and rule.expires is None:
            message = f"rule {rule.name} allows for ever and does not say why"
            yield message, "give it a comment, or a day on which it expires"
    if rule.action is RuleAction.DENY and not _refuses(policy):
        yield f"rule {rule.name} refuses nothing: no service type is enforced", "set mode to enforce or auto"


def _refuses(policy: PolicyDocument) -> bool:
    modes = {policy.mode, *(each.mode for each in policy.service_types.values())}
    return bool(modes & {ModeSetting.ENFORCE, ModeSetting.AUTO})


def _earlier(before: Sequence[Rule], rule: Rule) -> Rule | None:
    """Return an earlier rule that matches all that a rule does, if that is plain to see."""
    lasting = (each for each in before if each.expires is None and each.action in _DECIDING)
    return next((each for each in lasting if _includes(each, rule)), None)


def _includes(wide: Rule, narrow: Rule) -> bool:
    given = narrow.conditions
    return all(name in given and _covers(condition, given[name]) for name, condition in wide.conditions.items())


def _covers(wide: object, narrow: object) -> bool:
    if isinstance(wide, list) and isinstance(narrow, list):
        return set(narrow) <= set(wide)
    return wide == narrow
