"""The judge: from a call to a verdict, and from a verdict to what may teach.

The one place where refusals, quarantines, scores, thresholds and modes meet. Pure but for the state it is given: the
analyzer and the register of quarantines. Any exception reaches the caller, who denies.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from models.access import Access
from models.anomaly import LOCATION, PARTNER, PERIOD, RATE, REGISTRATION, SEQUENCE, TEXT, VALUE
from models.relationship import key_of
from models.score import Score
from policy import precedence
from policy.document import Handling, ModeSetting, PolicyDocument, QuarantinePolicy
from policy.escalation import Refusals
from policy.local_time import LocalTime
from policy.protection import Protection
from policy.quarantine import QuarantineEntry, QuarantineRegister, identity_of
from policy.rulebook import CompiledRule, Rulebook, Ruling
from policy.verdict import Action, Call, Mode, Refusal, Strength, Verdict

UNKNOWN_SENDER = "unknown-sender"
UNKNOWN_TYPE = "unknown-type"
UNKNOWN_NODE = "unknown-node"
NOTHING_TO_JUDGE = "nothing-to-judge"
QUARANTINED = "quarantined"
NORMAL = "normal"
ANOMALOUS = "anomalous"
DENIED_BY_RULE = "denied-by-rule"
ALLOWED_BY_RULE = "allowed-by-rule"
REPEATED = "refused-too-often"

_OF_PARTIES = frozenset({UNKNOWN_SENDER, UNKNOWN_TYPE, UNKNOWN_NODE})
"""Refusals of calls that were decoded whole; only somebody in them is not known."""
_OF_UNREAD = frozenset({"unsupported-body", "unsupported-operation", "too-many-nodes", "unknown-structure", "xml-body"})
"""Refusals of calls that were not read whole: they may hold more than their accesses tell."""
LIFTABLE = _OF_PARTIES | _OF_UNREAD
"""The refusals that rules which allow the call lift. A list: of others that obey the mode, as of a certificate that is
shown from elsewhere, an entry in somebody's allow-list must not decide."""

_NOTHING = Refusal(
    code=NOTHING_TO_JUDGE,
    detail="The call was decoded into no access at all, so nothing vouches for it.",
    every_mode=True,
)
_NO_IDENTITY = Refusal(
    code=UNKNOWN_SENDER,
    detail="Neither a certificate nor the inventory says which service this is.",
    every_mode=False,
)
_NO_TYPE = Refusal(
    code=UNKNOWN_TYPE, detail="The service type of the sender is not known, so no model can judge it.", every_mode=False
)


_OF_ACCESS = (RATE, PERIOD, LOCATION, VALUE, TEXT, PARTNER, SEQUENCE, REGISTRATION)
"""Terms of SoA in the shipped scoring."""
_FLOODS = ("rate", "group")
"""Terms that tell a flood: of the shipped scoring, and of the paper's."""


class Judge(Protocol):
    """What the engine needs of an analyzer (`models.analyzer.Analyzer`)."""

    def score(self, access: Access) -> Score:
        """Score an access; its rate counters move."""
        ...

    def learn(self, access: Access) -> None:
        """Let an access teach."""
        ...

    def refused(self, access: Access, score: Score, threshold: float) -> None:
        """Note an access of a call that was, or would have been, refused, newest first: it may become a candidate."""
        ...


class Limits(NamedTuple):
    """Anomaly values from which on something happens."""

    alert: float
    block: float
    quarantine: float
    """Infinite where the policy says never."""


class Rules(NamedTuple):
    """What applies to the calls of one service type."""

    mode: Mode
    limits: Limits
    partners: Mapping[str, Limits]
    """Limits for accesses to services of some types, where they differ."""
    lifted: frozenset[str]
    """Codes of refusals that the policy says to forward all the same."""

    def limits_of(self, access: Access) -> Limits:
        """Return the limits for an access."""
        return self.partners.get(access.destination_type or "", self.limits) if self.partners else self.limits


class _Snapshot(NamedTuple):
    """A policy in the form that the hot path reads; replaced as a whole."""

    revision: str
    default: Rules
    by_type: dict[str, Rules]
    rulebook: Rulebook | None
    """None where there are no explicit rules."""
    quarantine: QuarantinePolicy
    """How long a sender is shut out, and after how many refusals."""


def _limits(policy: PolicyDocument, service_type: str | None, partner: str | None = None) -> Limits:
    found = [precedence.threshold(policy, service_type, partner, name).value for name in Limits._fields]
    return Limits(*[math.inf if each is None else each for each in found])


def _rules(policy: PolicyDocument, service_type: str | None, *, ready: bool) -> Rules:
    handling = {
        UNKNOWN_SENDER: policy.unknown_sender,
        UNKNOWN_TYPE: policy.unknown_type,
        UNKNOWN_NODE: precedence.unknown_node(policy, service_type).value,
    }
    own = policy.service_types.get(service_type or "")
    return Rules(
        mode=_mode(precedence.mode(policy, service_type).value, ready=ready),
        limits=_limits(policy, service_type),
        partners={} if own is None else {partner: _limits(policy, service_type, partner) for partner in own.partners},
        lifted=frozenset(code for code, each in handling.items() if each is Handling.FORWARD),
    )


def _mode(setting: ModeSetting, *, ready: bool) -> Mode:
    if setting is ModeSetting.AUTO:
        return Mode.ENFORCE if ready else Mode.MONITOR
    return Mode(setting.value)


def _snapshot(policy: PolicyDocument, revision: str, ready: frozenset[str]) -> _Snapshot:
    # Only for `auto` does it matter which types are ready; then those have rules of their own.
    named = policy.service_types.keys() | (ready if policy.mode is ModeSetting.AUTO else frozenset())
    return _Snapshot(
        revision=revision,
        default=_rules(policy, None, ready=False),
        by_type={name: _rules(policy, name, ready=name in ready) for name in named},
        rulebook=Rulebook(policy.rules, LocalTime(policy.time_zone)) if policy.rules else None,
        quarantine=policy.quarantine,
    )


def _same_modes(one: _Snapshot, other: _Snapshot) -> bool:
    """Whether each service type has the same effective mode in both."""
    return one.default.mode is other.default.mode and all(
        one.by_type.get(name, one.default).mode is other.by_type.get(name, other.default).mode
        for name in one.by_type.keys() | other.by_type.keys()
    )


class _Identifiers:
    """Verdict ids: 12 hex digits of milliseconds, 4 of a counter, a hyphen, 6 that tell processes apart.

    They sort by time and are unique within a process even where real time steps back; two processes of one node
    collide with probability 2^-24 and only if both judge their n-th call of the same millisecond.
    """

    def __init__(self) -> None:
        self._process = f"-{secrets.token_hex(3)}"
        self._millisecond = 0
        self._counter = 0

    def next(self, now: float) -> str:
        millisecond = int(now * 1000)
        if millisecond > self._millisecond:
            self._millisecond = millisecond
            self._counter = 0
        elif self._counter == 0xFFFF:  # noqa: PLR2004 - all four digits are used up
            self._millisecond += 1
            self._counter = 0
        else:
            self._counter += 1
        # By way of bytes, twice as fast as formatting, which is most of what an id costs; and every verdict has one.
        return (self._millisecond << 16 | self._counter).to_bytes(8).hex() + self._process


class Engine:
    """Judges calls against one policy. Not thread-safe; used from one thread."""

    def __init__(
        self, *, analyzer: Judge, policy: PolicyDocument, revision: str, quarantines: QuarantineRegister
    ) -> None:
        """Start judging with `policy`; the register takes over what it protects."""
        self._analyzer = analyzer
        self._quarantines = quarantines
        self._identifiers = _Identifiers()
        self._ready: frozenset[str] = frozenset()
        self._refusals = Refusals()
        self._policy = policy
        self._snapshot = _snapshot(policy, revision, self._ready)
        quarantines.protect(Protection.of(policy.quarantine.protected))

    @property
    def revision(self) -> str:
        """Revision of the policy in force."""
        return self._snapshot.revision

    def rules(self, service_type: str | None) -> Rules:
        """Return the one effective mode, and the thresholds, of a service type."""
        return self._snapshot.by_type.get(service_type or "", self._snapshot.default)

    def replace_policy(self, policy: PolicyDocument, revision: str) -> tuple[QuarantineEntry, ...]:
        """Judge by another policy from the next call on.

        Returns:
            Quarantines that ended with the change because the new policy protects the sender.
        """
        self._policy = policy
        self._judge_by(_snapshot(policy, revision, self._ready))
        released = self._quarantines.protect(Protection.of(policy.quarantine.protected))
        for entry in released:
            self.forgive(entry.identity)
        return released

    def replace_ready(self, service_types: Iterable[str]) -> None:
        """Enforce, from the next call on, which of those types the policy leaves to their readiness (`auto`)."""
        ready = frozenset(service_types)
        if ready != self._ready:
            self._ready = ready
            self._judge_by(_snapshot(self._policy, self._snapshot.revision, ready))

    def forgive(self, identity: str) -> None:
        """Count no earlier refusal of a sender towards a quarantine: somebody ended the one that it was in."""
        self._refusals.forget(identity)

    def _judge_by(self, snapshot: _Snapshot) -> None:
        if not _same_modes(self._snapshot, snapshot):
            # What was only noted while monitoring must not quarantine at the first refusal that is one.
            self._refusals.clear()
        self._snapshot = snapshot

    def judge(self, call: Call, *, now: float) -> Verdict:
        """Decide about a call.

        In order: a quarantined sender is refused; what is refused in every mode is; then come the explicit rules of the
        policy: what one denies is refused as the mode says, and what one allows is excused from the rest. Other
        refusals are applied as the mode says. Then every access is scored, as rates count everything, and the worst AV
        meets the thresholds of the sender's type. A verdict of `quarantine`, by score or after too many refusals, in
        enforce mode adds the sender to the register, unless it is protected: then its calls are blocked one by one.

        Args:
            call: The decoded call.
            now: Real time, seconds since the epoch.

        Raises:
            ValueError: if a score is not a finite number of at least 0.
        """
        snapshot = self._snapshot
        sender = call.sender
        service_type = sender.service_type
        if service_type is None and call.accesses:
            service_type = call.accesses[0].source_type
        rules = snapshot.default if service_type is None else snapshot.by_type.get(service_type, snapshot.default)
        identity = identity_of(sender)
        if self._quarantines.shuts_out(sender, identity, now):
            return self._refuse(call, rules, QUARANTINED, Action.BLOCK, now)
        refusal = _refusal(call, service_type, rules.lifted)
        if refusal is not None and refusal.every_mode:
            return self._refuse(call, rules, refusal, Action.BLOCK, now)
        rulebook = snapshot.rulebook
        ruling = None if rulebook is None else rulebook.decide(call, now)
        obeying = Action.BLOCK if rules.mode is Mode.ENFORCE else Action.FORWARD
        if rulebook is not None and ruling is not None:
            if ruling.denied is not None:
                return self._refuse(call, rules, _denial(ruling.denied), obeying, now, rule=ruling.denied)
            if refusal is not None and _lifts(rulebook, ruling, refusal, call, now):
                # The audit reads off the call what was lifted.
                call = call if call.refusal is refusal else msgspec.structs.replace(call, refusal=refusal)
                if not call.accesses:
                    return self._allow_unscored(call, rules, ruling, now)
                return self._measure(call, rules, identity, now, ruling, lifted=True)
        if refusal is not None:
            return self._refuse(call, rules, refusal, obeying, now, rule=None if ruling is None else ruling.alerting)
        return self._measure(call, rules, identity, now, ruling)

    def conclude(self, verdict: Verdict, *, accepted: bool) -> None:
        """Let a call teach, all of its accesses or none, once the access point has answered.

        What was refused, by the gateway or by the access point (`accepted` false: 4xx, 5xx, no answer), does not
        teach. In learn mode everything else does, except floods. In monitor as in enforce, teaching follows
        `would_be`; what passes only because a rule allows it does not make itself normal, nor anything else of its
        call. Where a rule lifted a refusal, nothing teaches in any mode, as without the rule.
        """
        if not accepted or verdict.action is not Action.FORWARD or not verdict.scores or verdict.lifted:
            return
        unusual = verdict.would_be is not Action.FORWARD or verdict.reason == ALLOWED_BY_RULE
        if unusual and (verdict.mode is not Mode.LEARN or self._flood(verdict)):
            return
        for access in verdict.call.accesses:
            self._analyzer.learn(access)

    def _refuse(
        self,
        call: Call,
        rules: Rules,
        why: Refusal | str,
        action: Action,
        now: float,
        *,
        rule: CompiledRule | None = None,
    ) -> Verdict:
        refused = action is Action.BLOCK
        if isinstance(why, Refusal):
            reason = why.code
            # The audit reads the refusal off the call: also one that was found here.
            call = call if call.refusal is why else msgspec.structs.replace(call, refusal=why)
        else:
            reason = why
        return Verdict(
            id=self._identifiers.next(now),
            call=call,
            action=action,
            would_be=Action.BLOCK,
            alert=refused or rules.mode is not Mode.LEARN or rule is not None,
            mode=rules.mode,
            reason=reason,
            scores=(),
            worst=-1,
            threshold=None,
            policy_revision=self._snapshot.revision,
            rule=None if rule is None else rule.name,
        )

    def _allow_unscored(self, call: Call, rules: Rules, ruling: Ruling, now: float) -> Verdict:
        return Verdict(
            id=self._identifiers.next(now),
            call=call,
            action=Action.FORWARD,
            would_be=Action.FORWARD,
            alert=ruling.alerting is not None,
            mode=rules.mode,
            reason=ALLOWED_BY_RULE,
            scores=(),
            worst=-1,
            threshold=None,
            policy_revision=self._snapshot.revision,
            rule=None if ruling.allowed is None else ruling.allowed.name,
            lifted=True,
        )

    def _measure(
        self,
        call: Call,
        rules: Rules,
        identity: str,
        now: float,
        ruling: Ruling | None,
        *,
        lifted: bool = False,
    ) -> Verdict:
        scores, worst = self._scored(call)
        excused = by_rule = False
        if ruling is not None and ruling.expecting:
            scores = _expected(scores, ruling.expecting)
        if ruling is not None or rules.partners:
            allowed = () if ruling is None else ruling.excused
            worst = _worst(call, scores, rules, allowed)
            excused = bool(allowed) and allowed[worst]
            by_rule = lifted or (bool(allowed) and _excuses(call, scores, rules, allowed))
        highest = scores[worst].av
        limits = rules.limits_of(call.accesses[worst])
        threshold, repeats = limits.block, 0
        if highest < limits.block or excused:
            would_be, reason = Action.FORWARD, ALLOWED_BY_RULE if by_rule else NORMAL
        else:
            would_be, reason = Action.BLOCK, ANOMALOUS
            sparing = not self._may_quarantine(call)
            if highest >= limits.quarantine and not sparing:
                would_be, threshold = Action.QUARANTINE, limits.quarantine
            elif not sparing and (repeats := self._repeats(call.accesses[worst], rules.mode, identity, now)):
                would_be, reason = Action.QUARANTINE, REPEATED
        rule = None if ruling is None else _named(ruling, reason)
        verdict = Verdict(
            id=self._identifiers.next(now),
            call=call,
            action=would_be if rules.mode is Mode.ENFORCE else Action.FORWARD,
            would_be=would_be,
            # While learning, what is new is expected: an alert for it would teach people to ignore alerts.
            alert=(highest >= limits.alert and rules.mode is not Mode.LEARN and not excused)
            or (ruling is not None and ruling.alerting is not None),
            mode=rules.mode,
            reason=reason,
            scores=scores,
            worst=worst,
            threshold=threshold,
            policy_revision=self._snapshot.revision,
            rule=None if rule is None else rule.name,
            repeats=repeats,
            lifted=lifted,
        )
        if reason is not NORMAL:
            self._note_refused(verdict, rules)
            if verdict.action is Action.QUARANTINE:
                self._quarantine(verdict, identity, now)
        return verdict

    def _scored(self, call: Call) -> tuple[tuple[Score, ...], int]:
        """Return the scores, and the index of the highest."""
        score = self._analyzer.score
        scores = tuple([score(access) for access in call.accesses])
        worst = 0
        highest = -1.0
        for index, each in enumerate(scores):
            av = each.av
            # A value that is not a number compares false with everything: it must not pass for a small one.
            if not 0.0 <= av < math.inf:
                raise ValueError(f"the score of access {index} is {av}, not a finite number of at least 0")
            if av > highest:
                highest = av
                worst = index
        return scores, worst

    def _repeats(self, access: Access, mode: Mode, identity: str, now: float) -> int:
        """Return how many calls of the sender were refused lately, this one included, if that is too many; else 0."""
        asked = self._snapshot.quarantine.escalation
        # While learning, what is new is expected, however often it comes.
        if asked.refusals is None or mode is Mode.LEARN:
            return 0
        return self._refusals.note(identity, key_of(access), now, asked)

    def _may_quarantine(self, call: Call) -> bool:
        return call.may_quarantine and not self._quarantines.protects(
            call.sender.address, call.sender.ip, call.sender.strength
        )

    def _note_refused(self, verdict: Verdict, rules: Rules) -> None:
        """Tell the models what does not teach: it may turn out to be legitimate."""
        limits = [rules.limits_of(access).block for access in verdict.call.accesses]
        if verdict.would_be is Action.FORWARD and not _reached(verdict.scores, limits):
            return  # what a rule lifted, no model found unusual
        for access, score, limit in zip(
            reversed(verdict.call.accesses), reversed(verdict.scores), reversed(limits), strict=True
        ):
            self._analyzer.refused(access, score, limit)

    def _quarantine(self, verdict: Verdict, identity: str, now: float) -> None:
        sender = verdict.call.sender
        score = verdict.scores[verdict.worst]
        policy = self._snapshot.quarantine
        times = self._quarantines.history.times(identity, now, policy.back_off.forgotten_after)
        why = f"AV {score.av:.1f}, quarantine from {verdict.threshold:g}"
        if verdict.repeats:
            why = f"AV {score.av:.1f}, the last of {verdict.repeats} refused calls"
        entry = QuarantineEntry(
            identity=identity,
            address=sender.address,
            ip=sender.ip,
            strength=sender.strength,
            reason=f"{score.deciding}: {why}",
            verdict=verdict.id,
            since=now,
            until=now + policy.back_off.length(policy.expiry, times),
            times=times,
        )
        self._quarantines.add(entry, now=now)

    def _flood(self, verdict: Verdict) -> bool:
        rules = self.rules(verdict.call.sender.service_type or verdict.call.accesses[0].source_type)
        # Not only where the rate decides: a new relationship may weigh more, and its burst must not teach either.
        return any(
            score.som * terms.get(name, 0.0) >= rules.limits_of(access).block
            for access, score in zip(verdict.call.accesses, verdict.scores, strict=True)
            for terms in (score.terms,)
            for name in _FLOODS
        )


def _refusal(call: Call, service_type: str | None, lifted: frozenset[str]) -> Refusal | None:
    """Return why a call is refused before any score, if it is."""
    given = call.refusal
    # First what nothing lifts, or what can be lifted would hide it.
    if given is not None and (given.every_mode or given.code not in LIFTABLE):
        return given
    if given is None and not call.accesses:
        return _NOTHING
    # Who is calling comes before what the call wants: an operator mends the first thing first.
    if call.sender.strength is Strength.UNKNOWN:
        # Nobody knows the type of a sender that nobody knows: forwarding such senders forwards that, too.
        if UNKNOWN_SENDER not in lifted:
            return _NO_IDENTITY
    elif service_type is None and UNKNOWN_TYPE not in lifted:
        return _NO_TYPE
    if given is not None and given.code not in lifted:
        return given
    if not call.accesses:
        return _NOTHING
    return None


def _denial(rule: CompiledRule) -> Refusal:
    comment = f": {rule.comment}" if rule.comment else ""
    detail = f"Rule {rule.name} of the policy denies it{comment}"
    return Refusal(code=DENIED_BY_RULE, detail=detail, every_mode=False)


def _expected(scores: Sequence[Score], expecting: Sequence[CompiledRule | None]) -> tuple[Score, ...]:
    """Return the scores, of what rules expect without SoR: AV = SoM * SoA."""
    return tuple(
        [score if rule is None else _seen_before(score) for score, rule in zip(scores, expecting, strict=True)]
    )


def _seen_before(score: Score) -> Score:
    """Return a score as if the relationship had been usual."""
    if score.sor <= 0.0:
        return score
    deciding = score.deciding
    if score.sor >= score.soa:
        # What made SoA is named by the terms alone; where nothing did, the relationship stays named, with 0.
        terms = score.terms
        deciding = next((name for name in _OF_ACCESS if score.soa > 0.0 and terms.get(name) == score.soa), deciding)
    return msgspec.structs.replace(score, av=score.som * score.soa, sor=0.0, deciding=deciding)


def _named(ruling: Ruling, reason: str) -> CompiledRule | None:
    """Return the rule that a verdict names: the one that decided it, or else the one that matched."""
    if reason is ALLOWED_BY_RULE:
        return ruling.allowed
    expecting = next((rule for rule in ruling.expecting if rule is not None), None)
    return ruling.alerting or ((ruling.allowed or expecting) if reason is NORMAL else None)


def _lifts(rulebook: Rulebook, ruling: Ruling, refusal: Refusal, call: Call, now: float) -> bool:
    """Whether rules allow all of a call that is refused for a reason which they may lift."""
    if refusal.code not in LIFTABLE or not ruling.all_allowed:
        return False
    # The decoder's reason need not be the one that is told: of a stranger's call, that comes first.
    unread = call.refusal is not None and call.refusal.code in _OF_UNREAD
    return not unread or rulebook.allows_unread(call.sender, now)


def _reached(scores: Sequence[Score], limits: Sequence[float]) -> bool:
    return any(score.av >= limit for score, limit in zip(scores, limits, strict=True))


def _excuses(call: Call, scores: Sequence[Score], rules: Rules, excused: Sequence[bool]) -> bool:
    """Whether an access would have been refused, had no rule excused it."""
    return any(
        each and score.av >= rules.limits_of(access).block
        for access, score, each in zip(call.accesses, scores, excused, strict=True)
    )


def _worst(call: Call, scores: Sequence[Score], rules: Rules, excused: Sequence[bool]) -> int:
    """Return the index of the access that decides, where their thresholds differ or some are excused."""

    def severity(index: int) -> tuple[int, float]:
        av = scores[index].av
        alert, block, quarantine = rules.limits_of(call.accesses[index])
        if excused and excused[index]:
            return 0, av
        return (av >= alert) + (av >= block) + (av >= quarantine), av

    return max(range(len(scores)), key=severity)
