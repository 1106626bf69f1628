"""The judge: from a call to a verdict, and from a verdict to what may teach.

The one place where refusals, quarantines, scores, thresholds and modes meet. Pure but for the state it is given: the
analyzer and the register of quarantines. Any exception reaches the caller, who denies.
"""

from __future__ import annotations

import math
import secrets
from typing import NamedTuple, Protocol

import msgspec

from models.access import Access
from models.score import Score
from policy.document import Handling, PolicyDocument, ServiceTypePolicy
from policy.protection import Protection
from policy.quarantine import QuarantineEntry, QuarantineRegister, identity_of
from policy.verdict import Action, Call, Mode, Refusal, Strength, Verdict

UNKNOWN_SENDER = "unknown-sender"
UNKNOWN_TYPE = "unknown-type"
UNKNOWN_NODE = "unknown-node"
NOTHING_TO_JUDGE = "nothing-to-judge"
QUARANTINED = "quarantined"
NORMAL = "normal"
ANOMALOUS = "anomalous"

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


class Rules(NamedTuple):
    """What applies to the calls of one service type."""

    mode: Mode
    alert: float
    block: float
    quarantine: float
    """Infinite where the policy says never."""


class _Snapshot(NamedTuple):
    """A policy in the form that the hot path reads; replaced as a whole."""

    revision: str
    default: Rules
    by_type: dict[str, Rules]
    lifted: frozenset[str]
    """Codes of refusals that the policy says to forward all the same."""
    expiry: int


def _rules(policy: PolicyDocument, override: ServiceTypePolicy) -> Rules:
    alert, block, quarantine = override.thresholds.over(policy.thresholds)
    return Rules(override.mode or policy.mode, alert, block, math.inf if quarantine is None else quarantine)


def _snapshot(policy: PolicyDocument, revision: str) -> _Snapshot:
    handling = {
        UNKNOWN_SENDER: policy.unknown_sender,
        UNKNOWN_TYPE: policy.unknown_type,
        UNKNOWN_NODE: policy.unknown_node,
    }
    return _Snapshot(
        revision=revision,
        default=_rules(policy, ServiceTypePolicy()),
        by_type={name: _rules(policy, override) for name, override in policy.service_types.items()},
        lifted=frozenset(code for code, each in handling.items() if each is Handling.FORWARD),
        expiry=policy.quarantine.expiry,
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
        self.replace_policy(policy, revision)

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
        self._snapshot = _snapshot(policy, revision)
        return self._quarantines.protect(Protection.of(policy.quarantine.protected))

    def judge(self, call: Call, *, now: float) -> Verdict:
        """Decide about a call.

        In order: a quarantined sender is refused; then a refusal is applied, in every mode or as the mode says; then
        every access is scored, as rates count everything, and the worst AV meets the thresholds of the sender's type.
        A verdict of `quarantine` in enforce mode adds the sender to the register, unless it is protected: then its
        calls are blocked one by one.

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
        refusal = self._refusal(call, service_type)
        if refusal is not None:
            enforced = refusal.every_mode or rules.mode is Mode.ENFORCE
            return self._refuse(call, rules, refusal, Action.BLOCK if enforced else Action.FORWARD, now)
        return self._measure(call, rules, identity, now)

    def conclude(self, verdict: Verdict, *, accepted: bool) -> None:
        """Let a call teach, all of its accesses or none, once the access point has answered.

        What was refused, by the gateway or by the access point (`accepted` false: 4xx, 5xx, no answer), does not
        teach. In learn mode everything else does, except floods. In monitor as in enforce, teaching follows
        `would_be`.
        """
        if not accepted or verdict.action is not Action.FORWARD or not verdict.scores:
            return
        if verdict.would_be is not Action.FORWARD and (verdict.mode is not Mode.LEARN or self._flood(verdict)):
            return
        for access in verdict.call.accesses:
            self._analyzer.learn(access)

    def _refusal(self, call: Call, service_type: str | None) -> Refusal | None:
        lifted = self._snapshot.lifted
        given = call.refusal
        if given is not None and given.every_mode:
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

    def _refuse(self, call: Call, rules: Rules, why: Refusal | str, action: Action, now: float) -> Verdict:
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
            alert=refused or rules.mode is not Mode.LEARN,
            mode=rules.mode,
            reason=reason,
            scores=(),
            worst=-1,
            threshold=None,
            policy_revision=self._snapshot.revision,
        )

    def _measure(self, call: Call, rules: Rules, identity: str, now: float) -> Verdict:
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
        if highest < rules.block:
            would_be, threshold = Action.FORWARD, rules.block
        elif (
            highest < rules.quarantine
            or not call.may_quarantine
            or self._quarantines.protects(call.sender.address, call.sender.ip, call.sender.strength)
        ):
            would_be, threshold = Action.BLOCK, rules.block
        else:
            would_be, threshold = Action.QUARANTINE, rules.quarantine
        verdict = Verdict(
            id=self._identifiers.next(now),
            call=call,
            action=would_be if rules.mode is Mode.ENFORCE else Action.FORWARD,
            would_be=would_be,
            # While learning, what is new is expected: an alert for it would teach people to ignore alerts.
            alert=highest >= rules.alert and rules.mode is not Mode.LEARN,
            mode=rules.mode,
            reason=NORMAL if would_be is Action.FORWARD else ANOMALOUS,
            scores=scores,
            worst=worst,
            threshold=threshold,
            policy_revision=self._snapshot.revision,
        )
        if would_be is not Action.FORWARD:
            for access, each in zip(reversed(call.accesses), reversed(scores), strict=True):
                self._analyzer.refused(access, each, rules.block)
            if verdict.action is Action.QUARANTINE:
                self._quarantine(verdict, identity, now)
        return verdict

    def _quarantine(self, verdict: Verdict, identity: str, now: float) -> None:
        sender = verdict.call.sender
        score = verdict.scores[verdict.worst]
        entry = QuarantineEntry(
            identity=identity,
            address=sender.address,
            ip=sender.ip,
            strength=sender.strength,
            reason=f"{score.deciding}: AV {score.av:.1f}, quarantine from {verdict.threshold:g}",
            verdict=verdict.id,
            since=now,
            until=now + self._snapshot.expiry,
        )
        self._quarantines.add(entry, now=now)

    def _flood(self, verdict: Verdict) -> bool:
        block = self.rules(verdict.call.sender.service_type or verdict.call.accesses[0].source_type).block
        # Not only where the rate decides: a new relationship may weigh more, and its burst must not teach either.
        return any(
            score.som * terms.get(name, 0.0) >= block
            for score in verdict.scores
            for terms in (score.terms,)
            for name in _FLOODS
        )
