"""The rules of a policy as calls are compared with them: few for each access, found by its operation and types."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from models.access import Access, Operation
from models.categorical import SAME_ROOM, room
from policy.glob import matcher
from policy.local_time import WHOLE_DAY, Hours, LocalTime, Weekday, hours
from policy.protection import Protection
from policy.rule import UNKNOWN, Location, Rule, RuleAction, ValueCondition
from policy.verdict import Call, Sender, Strength

MOST_KINDS = 4096
"""Combinations of operation and types for which the rules that may match are remembered; then they are forgotten."""

type _Test = Callable[[Sender, Access | None, float], bool]
type _Kind = tuple[Operation, str | None, str | None]


class CompiledRule(NamedTuple):
    """A rule that can be applied."""

    name: str
    action: RuleAction
    comment: str
    until: float
    """Real time at which it ends, s since the epoch; infinite: never."""
    about_accesses: bool
    concerns: Callable[[_Kind], bool]
    """Whether it can match an access of that operation, source type and destination type."""
    sent_by: Callable[[str | None], bool]
    """Whether it can match anything that a service of that type does."""
    tests: tuple[_Test, ...]
    """All that is left to ask then."""
    sender_tests: tuple[_Test, ...]
    """Those of them that ask for no more than who calls and when."""

    def matches(self, sender: Sender, access: Access | None, now: float) -> bool:
        """Whether it holds, given that it concerns the access's kind."""
        for test in self.tests:
            if not test(sender, access, now):
                return False
        return now < self.until

    def may_match(self, sender: Sender, now: float) -> bool:
        """Whether it can match something that the sender does now, whatever that is."""
        # A sender of no type may register as one of any.
        return (
            now < self.until
            and (sender.service_type is None or self.sent_by(sender.service_type))
            and all(test(sender, None, now) for test in self.sender_tests)
        )

    def matches_all(self, sender: Sender) -> bool:
        """Whether it then matches everything that the sender does."""
        return not self.about_accesses and self.sent_by(sender.service_type)


class Ruling(NamedTuple):
    """What the rules say of a call."""

    denied: CompiledRule | None
    """The first one that denies an access."""
    allowed: CompiledRule | None
    """The first one that allows an access."""
    alerting: CompiledRule | None
    """The first one that wants to hear of an access."""
    excused: tuple[bool, ...]
    """For each access, whether it is allowed."""
    expecting: tuple[CompiledRule | None, ...] = ()
    """For each access, the first rule that expects it; empty where there is none at all."""

    @property
    def all_allowed(self) -> bool:
        """Whether every access is allowed; of a call without accesses, whatever it holds."""
        return all(self.excused) if self.excused else self.allowed is not None


class _Found(NamedTuple):
    """The rules that matched one access, or a call of which no access is known."""

    deciding: CompiledRule | None
    """The first that allows or denies."""
    alerting: CompiledRule | None
    """The first before it that wants to hear of it."""
    expecting: CompiledRule | None
    """The first before it that expects it."""


class Rulebook:
    """All rules of one policy, in their order. Not thread-safe.

    The first that allows or denies an access decides about it; one that alerts or expects is noted on the way there.
    """

    def __init__(self, rules: Sequence[Rule], time: LocalTime) -> None:
        """Compile the rules."""
        self._rules = tuple(_compiled(rule, time) for rule in rules)
        self._by_kind: dict[_Kind, tuple[CompiledRule, ...]] = {}

    def decide(self, call: Call, now: float) -> Ruling | None:
        """Return what the rules say; None if none matches, as is usual.

        Args:
            call: The call; without accesses, only rules about senders can match.
            now: Real time, s since the epoch.
        """
        sender, accesses = call.sender, call.accesses
        if len(accesses) == 1:  # as most calls have
            rules = self._of(sender, accesses[0], now)
            if rules is None:
                return None
            found: list[_Found | None] = [rules]
        elif not accesses:
            found = [self._of_unread(sender, now)]
        else:
            found = [self._of(sender, access, now) for access in accesses]
        if not any(found):
            return None
        return _ruling(found, accesses=len(accesses))

    def allows_unread(self, sender: Sender, now: float) -> bool:
        """Whether a call is allowed of which nobody knows what all it holds.

        A rule must allow whatever the sender does, and no denial come before it that might concern this.
        """
        found = self._of_unread(sender, now)
        return found is not None and _does(found.deciding, RuleAction.ALLOW)

    def _of(self, sender: Sender, access: Access, now: float) -> _Found | None:
        kind = access.operation, access.source_type or sender.service_type, access.destination_type
        rules = self._by_kind.get(kind)
        if rules is None:
            rules = self._remember(kind)
        alerting: CompiledRule | None = None
        expecting: CompiledRule | None = None
        for rule in rules:
            if rule.matches(sender, access, now):
                if rule.action is RuleAction.ALERT:
                    alerting = alerting or rule
                elif rule.action is RuleAction.EXPECT:
                    expecting = expecting or rule
                else:
                    return _Found(rule, alerting, expecting)
        return None if alerting is None and expecting is None else _Found(None, alerting, expecting)

    def _of_unread(self, sender: Sender, now: float) -> _Found | None:
        """Return the rules that match whatever the sender does; none allows it after a denial that might match it."""
        alerting: CompiledRule | None = None
        perhaps_denied = False
        for rule in self._rules:
            if rule.action is RuleAction.EXPECT or not rule.may_match(sender, now):
                continue  # of what is not read, nothing says that it is what was expected
            if not rule.matches_all(sender):
                perhaps_denied = perhaps_denied or rule.action is RuleAction.DENY
            elif rule.action is RuleAction.ALERT:
                alerting = alerting or rule
            elif perhaps_denied and rule.action is RuleAction.ALLOW:
                break
            else:
                return _Found(rule, alerting, None)
        return None if alerting is None else _Found(None, alerting, None)

    def _remember(self, kind: _Kind) -> tuple[CompiledRule, ...]:
        if len(self._by_kind) >= MOST_KINDS:
            self._by_kind.clear()
        rules = self._by_kind[kind] = tuple(rule for rule in self._rules if rule.concerns(kind))
        return rules


def _ruling(found: Sequence[_Found | None], *, accesses: int) -> Ruling:
    deciding = [None if each is None else each.deciding for each in found]
    return Ruling(
        denied=next((rule for rule in deciding if _does(rule, RuleAction.DENY)), None),
        allowed=next((rule for rule in deciding if _does(rule, RuleAction.ALLOW)), None),
        alerting=next((each.alerting for each in found if each is not None and each.alerting is not None), None),
        excused=tuple([_does(rule, RuleAction.ALLOW) for rule in deciding]) if accesses else (),
        expecting=_each([None if each is None else each.expecting for each in found]),
    )


def _each(expecting: list[CompiledRule | None]) -> tuple[CompiledRule | None, ...]:
    return tuple(expecting) if any(expecting) else ()


def _does(rule: CompiledRule | None, action: RuleAction) -> bool:
    return rule is not None and rule.action is action


def _compiled(rule: Rule, time: LocalTime) -> CompiledRule:
    return CompiledRule(
        name=rule.name,
        action=rule.action,
        comment=rule.comment,
        until=math.inf if rule.expires is None else time.ends(rule.expires),
        about_accesses=rule.about_accesses,
        concerns=_concerns(rule),
        sent_by=_typed(rule.source_type),
        tests=tuple(_tests(rule, time)),
        sender_tests=tuple(_tests(rule.about_sender, time)),
    )


def _concerns(rule: Rule) -> Callable[[_Kind], bool]:
    operations = frozenset(rule.operation or Operation)
    source, destination = _typed(rule.source_type), _typed(rule.destination_type)
    return lambda kind: kind[0] in operations and source(kind[1]) and destination(kind[2])


def _typed(patterns: Sequence[str] | None) -> Callable[[str | None], bool]:
    if patterns is None:
        return lambda _: True
    matches = matcher(patterns)
    unknown = UNKNOWN in patterns
    return lambda name: unknown if name is None else matches(name)


def _tests(rule: Rule, time: LocalTime) -> list[_Test]:
    """Return the conditions that an access's kind does not answer, the cheapest first."""
    made: list[_Test | None] = [
        _made(_identity, rule.identity),
        _made(_location, rule.location),
        None if rule.hours is None and rule.days is None else _when(rule, time),
        _made(_node, rule.node),
        _made(_destination, rule.destination_address),
        _made(_source, rule.source_address),
        _made(_data_type, rule.data_type),
        None if rule.client_id is None else _client_id(rule.client_id, _believed(rule)),
        _made(_value, rule.value),
        _made(_network, rule.network),
    ]
    return [test for test in made if test is not None]


def _made[T](make: Callable[[T], _Test], condition: T | None) -> _Test | None:
    return None if condition is None else make(condition)


def _identity(strengths: Sequence[Strength]) -> _Test:
    wanted = frozenset(strengths)
    return lambda sender, _access, _now: sender.strength in wanted


def _location(locations: Sequence[Location]) -> _Test:
    wanted = frozenset(locations)

    def test(_sender: Sender, access: Access | None, _now: float) -> bool:
        if access is None:
            return False
        where = room(access.source_location, access.destination_location)
        if where is None:
            return Location.UNKNOWN in wanted
        return (Location.SAME if where == SAME_ROOM else Location.OTHER) in wanted

    return test


def _when(rule: Rule, time: LocalTime) -> _Test:
    days = frozenset(Weekday[day.name].value for day in rule.days) if rule.days else frozenset(range(len(Weekday)))
    spans: tuple[Hours, ...] = tuple(map(hours, rule.hours)) if rule.hours else (WHOLE_DAY,)

    def test(_sender: Sender, _access: Access | None, now: float) -> bool:
        moment = time.at(now)
        return any(span.covers(moment, days) for span in spans)

    return test


def _node(patterns: Sequence[str]) -> _Test:
    matches = matcher(patterns)
    return lambda _sender, access, _now: access is not None and matches(access.node)


def _destination(patterns: Sequence[str]) -> _Test:
    matches = matcher(patterns)
    return lambda _sender, access, _now: access is not None and matches(access.destination)


def _source(patterns: Sequence[str]) -> _Test:
    matches = matcher(patterns)
    return lambda sender, access, _now: matches(sender.address if access is None else access.source)


def _data_type(patterns: Sequence[str]) -> _Test:
    matches = _typed(patterns)
    return lambda _sender, access, _now: access is not None and matches(access.data_type)


def _believed(rule: Rule) -> frozenset[Strength]:
    """Return whose client ids a rule takes for theirs.

    A name without a certificate is what a peer says, at an access point without TLS any process at the peer's address:
    it may get somebody refused, but opens nothing, unless the rule says that it may.
    """
    if rule.action is not RuleAction.ALLOW:
        return frozenset(Strength)
    return frozenset({Strength.CERTIFICATE, *(rule.identity or ())})


def _client_id(patterns: Sequence[str], believed: frozenset[Strength]) -> _Test:
    matches = matcher(patterns)

    def test(sender: Sender, _access: Access | None, _now: float) -> bool:
        return sender.client_id is not None and sender.strength in believed and matches(sender.client_id)

    return test


def _network(entries: Sequence[str]) -> _Test:
    networks = Protection.of(entries)
    return lambda sender, _access, _now: networks.covers("", sender.ip)


def _value(condition: ValueCondition) -> _Test:
    texts = None if condition.equals is None else frozenset(condition.equals)
    low = -math.inf if condition.at_least is None else condition.at_least
    high = math.inf if condition.at_most is None else condition.at_most
    numeric = condition.at_least is not None or condition.at_most is not None

    def test(_sender: Sender, access: Access | None, _now: float) -> bool:
        if access is None or access.value is None or (texts is not None and access.value not in texts):
            return False
        if not numeric:
            return True
        number = _number(access.value)
        return number is not None and low <= number <= high

    return test


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return None if math.isnan(number) else number
