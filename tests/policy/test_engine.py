from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.access import Access, Operation
from models.analyzer import Analyzer
from models.score import Named, Score
from policy.document import ModeSetting, PolicyDocument
from policy.engine import Engine
from policy.explanation import sentence
from policy.protection import Protection
from policy.quarantine import QuarantineRegister
from policy.verdict import Action, Call, Mode, Refusal, Sender, Strength, Verdict
from tests.policy.calls import (
    EVENT_TIME,
    NOW,
    SPYING,
    STRANGER,
    WASHING_MACHINE,
    PrescribedAnalyzer,
    access,
    call,
    score,
)

FORGED = Refusal(code="forged", detail="A forged identity.", every_mode=True)
UNSUPPORTED = Refusal(code="unsupported-body", detail="A body that is not supported.", every_mode=False)


class Bench:
    """An engine with prescribed scores."""

    def __init__(self, policy: dict[str, Any], *scores: Score, fixed: Protection | None = None) -> None:
        self.analyzer = PrescribedAnalyzer(scores)
        self.quarantines = QuarantineRegister(fixed=fixed)
        self.engine = Engine(
            analyzer=self.analyzer,
            policy=PolicyDocument.model_validate(policy),
            revision="r1",
            quarantines=self.quarantines,
        )

    def judge(self, given: Call, now: float = NOW) -> Verdict:
        return self.engine.judge(given, now=now)

    def learnt_from(self, given: Call, *, accepted: bool = True) -> int:
        self.engine.conclude(self.judge(given), accepted=accepted)
        return len(self.analyzer.learnt)


@pytest.mark.parametrize(
    ("av", "action", "threshold", "alert"),
    [
        (0.0, Action.FORWARD, 7, False),
        (3.99, Action.FORWARD, 7, False),
        (4.0, Action.FORWARD, 7, True),
        (6.99, Action.FORWARD, 7, True),
        (7.0, Action.BLOCK, 7, True),
        (29.99, Action.BLOCK, 7, True),
        (30.0, Action.QUARANTINE, 30, True),
        (100.0, Action.QUARANTINE, 30, True),
    ],
)
def test_in_enforce_mode_the_anomaly_value_decides(av: float, action: Action, threshold: float, alert: bool) -> None:
    verdict = Bench({"mode": "enforce"}, score(av)).judge(call(SPYING))

    assert (verdict.action, verdict.would_be, verdict.threshold, verdict.alert) == (action, action, threshold, alert)
    assert verdict.reason == ("normal" if action is Action.FORWARD else "anomalous")
    assert verdict.policy_revision == "r1"


@pytest.mark.parametrize("mode", [Mode.LEARN, Mode.MONITOR])
def test_learn_and_monitor_forward_and_say_what_enforce_would_have_done(mode: Mode) -> None:
    bench = Bench({"mode": mode}, score(50), score(10))

    assert bench.judge(call(SPYING)).would_be is Action.QUARANTINE
    verdict = bench.judge(call(SPYING))

    assert (verdict.action, verdict.would_be, verdict.mode) == (Action.FORWARD, Action.BLOCK, mode)
    assert verdict.alert == (mode is Mode.MONITOR)
    assert bench.quarantines.entries == ()


def test_the_worst_access_decides_and_every_one_is_scored() -> None:
    bench = Bench({"mode": "enforce"}, score(1), score(20), score(3))

    verdict = bench.judge(call(access(0), access(1), access(2)))

    assert verdict.worst == 1
    assert verdict.score == score(20)
    assert verdict.scores == (score(1), score(20), score(3))
    assert verdict.action is Action.BLOCK
    assert bench.analyzer.scored == [access(0), access(1), access(2)]


def test_mode_and_thresholds_are_those_of_the_type_of_the_sender() -> None:
    policy = {
        "mode": "enforce",
        "service_types": {
            "/washingService": {"mode": "monitor", "thresholds": {"block": 20}},
            "/sensorService": {"mode": "enforce", "thresholds": {"block": 5}},
        },
    }
    bench = Bench(policy, score(10), score(10))
    other = msgspec.structs.replace(WASHING_MACHINE, service_type="/battery")

    ours = bench.judge(call(SPYING))
    theirs = bench.judge(call(SPYING, sender=other))

    assert (ours.action, ours.would_be, ours.mode, ours.threshold) == (Action.FORWARD, Action.FORWARD, Mode.MONITOR, 20)
    assert (theirs.action, theirs.mode, theirs.threshold) == (Action.BLOCK, Mode.ENFORCE, 7)
    rules = bench.engine.rules("/washingService")
    assert (rules.mode, rules.limits) == (Mode.MONITOR, (4, 20, 30))
    assert bench.engine.rules(None).mode is Mode.ENFORCE


def test_null_means_that_nothing_quarantines() -> None:
    bench = Bench({"mode": "enforce", "thresholds": {"quarantine": None}}, score(100))

    verdict = bench.judge(call(SPYING))

    assert (verdict.action, verdict.threshold) == (Action.BLOCK, 7)


@pytest.mark.parametrize("mode", list(Mode))
def test_a_refusal_that_holds_in_every_mode_does(mode: Mode) -> None:
    bench = Bench({"mode": mode})

    verdict = bench.judge(call(SPYING, refusal=FORGED))

    assert (verdict.action, verdict.would_be, verdict.reason) == (Action.BLOCK, Action.BLOCK, "forged")
    assert verdict.alert
    assert (verdict.scores, verdict.worst, verdict.score, verdict.threshold) == ((), -1, None, None)


@pytest.mark.parametrize(
    ("mode", "action"),
    [(Mode.LEARN, Action.FORWARD), (Mode.MONITOR, Action.FORWARD), (Mode.ENFORCE, Action.BLOCK)],
)
def test_other_refusals_obey_the_mode(mode: Mode, action: Action) -> None:
    verdict = Bench({"mode": mode}).judge(call(refusal=UNSUPPORTED))

    assert (verdict.action, verdict.would_be, verdict.reason) == (action, Action.BLOCK, "unsupported-body")


@pytest.mark.parametrize("mode", list(Mode))
def test_a_call_that_was_decoded_into_nothing_is_refused_in_every_mode(mode: Mode) -> None:
    verdict = Bench({"mode": mode}).judge(call())

    assert (verdict.action, verdict.reason) == (Action.BLOCK, "nothing-to-judge")
    assert verdict.call.refusal is not None
    assert verdict.call.refusal.code == "nothing-to-judge"


@pytest.mark.parametrize(
    ("setting", "sender", "code"),
    [
        ("unknown_sender", STRANGER, "unknown-sender"),
        ("unknown_type", msgspec.structs.replace(WASHING_MACHINE, service_type=None), "unknown-type"),
    ],
)
def test_the_policy_says_what_becomes_of_those_it_does_not_know(setting: str, sender: Sender, code: str) -> None:
    known_by_nobody = msgspec.structs.replace(SPYING, source_type=None)
    both = {"unknown_sender": "forward", "unknown_type": "forward"}
    blocking = Bench({"mode": "enforce", **both, setting: "block"})
    forwarding = Bench({"mode": "enforce", **both}, score(1))

    refused = blocking.judge(call(known_by_nobody, sender=sender))
    passed = forwarding.judge(call(known_by_nobody, sender=sender))

    assert (refused.action, refused.reason) == (Action.BLOCK, code)
    assert (passed.action, passed.reason) == (Action.FORWARD, "normal")


def test_who_forwards_unknown_senders_need_not_forward_unknown_types_as_well() -> None:
    known_by_nobody = msgspec.structs.replace(SPYING, source_type=None)
    untyped = msgspec.structs.replace(WASHING_MACHINE, service_type=None)
    bench = Bench({"mode": "enforce", "unknown_sender": "forward"}, score(1))

    assert bench.judge(call(known_by_nobody, sender=STRANGER)).action is Action.FORWARD
    assert bench.judge(call(known_by_nobody, sender=untyped)).reason == "unknown-type"


def test_who_forwards_unknown_types_does_not_forward_unknown_senders() -> None:
    known_by_nobody = msgspec.structs.replace(SPYING, source_type=None)
    bench = Bench({"mode": "enforce", "unknown_type": "forward"})

    assert bench.judge(call(known_by_nobody, sender=STRANGER)).reason == "unknown-sender"


def test_a_node_that_the_decoder_does_not_know_passes_if_the_policy_says_so() -> None:
    unknown = Refusal(code="unknown-node", detail="No such node is known.", every_mode=False)
    given = call(SPYING, refusal=unknown)

    assert Bench({"mode": "enforce"}).judge(given).reason == "unknown-node"
    lifted = Bench({"mode": "enforce", "unknown_node": "forward"}, score(9)).judge(given)
    assert (lifted.action, lifted.reason) == (Action.BLOCK, "anomalous")


def test_no_setting_lifts_a_refusal_that_holds_in_every_mode() -> None:
    strict = Refusal(code="unknown-node", detail="Strict.", every_mode=True)

    assert not Bench({"mode": "learn", "unknown_node": "forward"}).judge(call(SPYING, refusal=strict)).forwarded


def test_a_service_that_registers_is_judged_by_the_type_it_registers_with() -> None:
    registering = msgspec.structs.replace(WASHING_MACHINE, service_type=None)
    bench = Bench({"mode": "enforce", "service_types": {"/washingService": {"mode": "learn"}}}, score(0))

    assert bench.judge(call(SPYING, sender=registering)).mode is Mode.LEARN


@pytest.mark.parametrize("av", [math.nan, math.inf, -1.0])
@pytest.mark.parametrize("position", [0, 1])
def test_a_score_that_is_no_number_never_passes_for_a_small_one(av: float, position: int) -> None:
    scores = [score(1), score(1)]
    scores[position] = score(av)

    with pytest.raises(ValueError, match=f"the score of access {position}"):
        Bench({"mode": "learn"}, *scores).judge(call(access(0), access(1)))


def test_what_the_analyzer_raises_reaches_the_caller() -> None:
    with pytest.raises(IndexError):
        Bench({"mode": "learn"}).judge(call(SPYING))


def test_a_quarantined_sender_is_refused_until_the_quarantine_expires() -> None:
    bench = Bench({"mode": "enforce", "quarantine": {"expiry": "15m"}}, score(60), score(0), score(0))
    first = bench.judge(call(SPYING))

    (entry,) = bench.quarantines.entries
    assert (entry.identity, entry.ip, entry.verdict) == ("certificate:washingmachine1", "192.0.2.17", first.id)
    assert (entry.since, entry.until) == (NOW, NOW + 900)

    from_elsewhere = call(SPYING, sender=msgspec.structs.replace(WASHING_MACHINE, ip="192.0.2.18"))
    during = bench.judge(from_elsewhere, NOW + 899)
    assert (during.action, during.reason, during.scores) == (Action.BLOCK, "quarantined", ())
    at_another_access_point = msgspec.structs.replace(WASHING_MACHINE, address="/agent2/washingmachine1")
    assert bench.judge(call(SPYING, sender=at_another_access_point), NOW + 899).reason == "quarantined"
    neighbour = msgspec.structs.replace(WASHING_MACHINE, address="/agent1/battery1", client_id="battery1")
    assert bench.judge(call(SPYING, sender=neighbour), NOW + 899).forwarded
    assert bench.judge(call(SPYING), NOW + 900).forwarded


@pytest.mark.parametrize("mode", ["learn", "monitor"])
def test_a_quarantine_holds_when_the_mode_is_lowered(mode: str) -> None:
    bench = Bench({"mode": "enforce"}, score(60))
    bench.judge(call(SPYING))
    bench.engine.replace_policy(PolicyDocument.model_validate({"mode": mode}), "r2")

    verdict = bench.judge(call(SPYING))

    assert (verdict.action, verdict.reason, verdict.policy_revision) == (Action.BLOCK, "quarantined", "r2")


def test_an_unproven_sender_is_quarantined_by_its_network_address() -> None:
    bench = Bench({"mode": "enforce", "unknown_sender": "forward", "unknown_type": "forward"}, score(60))
    claimed = Sender(address="/agent1/doorlock1", service_type=None, strength=Strength.UNKNOWN, ip="192.0.2.66")

    bench.judge(call(SPYING, sender=claimed))

    assert [entry.identity for entry in bench.quarantines.entries] == ["ip:192.0.2.66"]


@pytest.mark.parametrize(
    ("policy", "fixed"),
    [
        ({"quarantine": {"protected": ["/agent1/washingmachine1"]}}, None),
        ({"quarantine": {"protected": ["192.0.2.0/24"]}}, None),
        ({}, Protection.of(["192.0.2.17"])),
    ],
)
def test_the_protected_are_blocked_call_by_call(policy: dict[str, Any], fixed: Protection | None) -> None:
    bench = Bench({"mode": "enforce", **policy}, score(90), score(0), fixed=fixed)

    verdict = bench.judge(call(SPYING))

    assert (verdict.action, verdict.would_be, verdict.threshold) == (Action.BLOCK, Action.BLOCK, 7)
    assert bench.judge(call(SPYING)).forwarded


def test_a_call_that_its_sender_does_not_answer_for_quarantines_nobody() -> None:
    bench = Bench({"mode": "enforce"}, score(90))

    assert bench.judge(call(SPYING, may_quarantine=False)).action is Action.BLOCK
    assert bench.quarantines.entries == ()


def test_a_policy_that_protects_a_quarantined_sender_sets_it_free() -> None:
    bench = Bench({"mode": "enforce"}, score(90), score(0))
    bench.judge(call(SPYING))

    released = bench.engine.replace_policy(
        PolicyDocument.model_validate({"mode": "enforce", "quarantine": {"protected": ["192.0.2.17"]}}), "r2"
    )

    assert [entry.address for entry in released] == ["/agent1/washingmachine1"]
    assert bench.judge(call(SPYING)).forwarded
    assert bench.engine.revision == "r2"


FLOOD = score(50, "rate")
NOVEL = score(50, "relationship")
USUAL = score(1)


@pytest.mark.parametrize(
    ("mode", "scores", "learnt"),
    [
        ("learn", [USUAL], 1),
        ("learn", [NOVEL], 1),
        ("learn", [FLOOD], 0),
        ("learn", [score(6, "rate")], 1),
        ("learn", [USUAL, FLOOD, USUAL], 0),
        ("learn", [NOVEL, FLOOD], 0),
        ("learn", [score(60, "relationship", rate=50.0)], 0),
        ("learn", [score(50, "group")], 0),
        ("monitor", [USUAL], 1),
        ("monitor", [score(5)], 1),
        ("monitor", [NOVEL], 0),
        ("monitor", [USUAL, NOVEL], 0),
        ("enforce", [USUAL, USUAL], 2),
        ("enforce", [score(8)], 0),
        ("enforce", [NOVEL], 0),
    ],
)
def test_what_teaches(mode: str, scores: list[Score], learnt: int) -> None:
    given = call(*(access(number) for number in range(len(scores))))

    assert Bench({"mode": mode}, *scores).learnt_from(given) == learnt


@pytest.mark.parametrize("mode", ["learn", "monitor", "enforce"])
def test_what_the_access_point_refused_does_not_teach(mode: str) -> None:
    assert Bench({"mode": mode}, USUAL).learnt_from(call(SPYING), accepted=False) == 0


@pytest.mark.parametrize("refusal", [FORGED, UNSUPPORTED])
@pytest.mark.parametrize("mode", ["learn", "monitor"])
def test_what_was_or_would_have_been_refused_unscored_does_not_teach(mode: str, refusal: Refusal) -> None:
    assert Bench({"mode": mode}).learnt_from(call(SPYING, refusal=refusal)) == 0


def test_ids_are_unique_and_sort_in_the_order_of_the_verdicts_even_when_the_clock_steps_back() -> None:
    bench = Bench({"mode": "enforce"})
    times = [NOW, NOW, NOW + 0.001, NOW - 60, NOW - 60, NOW + 1] + [NOW + 1] * 70_000

    ids = [bench.judge(call(), time).id for time in times]

    assert ids == sorted(set(ids))


@settings(deadline=None)
@given(
    mode=st.sampled_from([Mode.LEARN, Mode.MONITOR]),
    values=st.lists(st.floats(0, 100), max_size=4),
    deciding=st.sampled_from(["relationship", "location", "rate", "period"]),
    refusal=st.sampled_from([None, FORGED, UNSUPPORTED]),
    sender=st.sampled_from([WASHING_MACHINE, STRANGER]),
)
def test_learn_and_monitor_refuse_only_what_is_refused_in_every_mode(
    mode: Mode, values: list[float], deciding: str, refusal: Refusal | None, sender: Sender
) -> None:
    bench = Bench({"mode": mode}, *(score(av, deciding) for av in values))

    verdict = bench.judge(call(*(access(number) for number in range(len(values))), sender=sender, refusal=refusal))

    holds = refusal is FORGED or (refusal is None and not values)
    assert verdict.forwarded != holds
    assert bench.quarantines.entries == ()


@settings(deadline=None)
@given(st.lists(st.floats(0, 100), min_size=1, max_size=5), st.permutations(range(5)))
def test_the_order_of_the_accesses_does_not_change_what_happens(values: list[float], order: list[int]) -> None:
    shuffled = [values[index] for index in order if index < len(values)]
    calls = call(*(access(number) for number in range(len(values))))

    one = Bench({"mode": "enforce"}, *map(score, values)).judge(calls)
    other = Bench({"mode": "enforce"}, *map(score, shuffled)).judge(calls)

    assert (one.action, one.threshold, one.reason) == (other.action, other.threshold, other.reason)


MINUTE = 60_000


def at(time: int, operation: Operation = Operation.GET, *, own: bool = True) -> Access:
    changes: dict[str, Any] = {"time": EVENT_TIME + time, "operation": operation}
    if own:
        changes |= {
            "destination": "/agent1/washingmachine1",
            "destination_type": "/washingService",
            "destination_location": "BathRoom",
            "node": "/agent1/washingmachine1/state",
        }
    return msgspec.structs.replace(SPYING, **changes)


@pytest.fixture
def learnt() -> tuple[Engine, Analyzer]:
    """A washing machine that was seen reading its own state every 20 seconds for two hours."""
    analyzer = Analyzer()
    engine = Engine(analyzer=analyzer, policy=PolicyDocument(), revision="r1", quarantines=QuarantineRegister())
    for time in range(0, 120 * MINUTE, 20_000):
        analyzer.advance(EVENT_TIME + time)
        engine.conclude(engine.judge(call(at(time)), now=NOW + time / 1000), accepted=True)
    analyzer.advance(EVENT_TIME + 120 * MINUTE)
    return engine, analyzer


def test_what_was_learnt_is_then_enforced(learnt: tuple[Engine, Analyzer]) -> None:
    engine, _ = learnt
    engine.replace_policy(PolicyDocument(mode=ModeSetting.ENFORCE), "r2")

    usual = engine.judge(call(at(120 * MINUTE)), now=NOW)
    spying = engine.judge(call(at(120 * MINUTE, own=False)), now=NOW)
    after = engine.judge(call(at(120 * MINUTE + 20_000)), now=NOW)

    assert (usual.action, usual.reason) == (Action.FORWARD, "normal")
    assert (spying.action, spying.reason) == (Action.QUARANTINE, "anomalous")
    assert "Services of this type were never seen doing that in 120 minutes of observation" in sentence(spying)
    assert (after.action, after.reason) == (Action.BLOCK, "quarantined")


def test_a_flood_is_forwarded_while_learning_but_leaves_the_model_as_it_was(learnt: tuple[Engine, Analyzer]) -> None:
    engine, analyzer = learnt
    flood = [engine.judge(call(at(120 * MINUTE + 50 * number)), now=NOW) for number in range(100)]

    assert all(verdict.forwarded for verdict in flood)
    assert {verdict.would_be for verdict in flood[20:]} <= {Action.BLOCK, Action.QUARANTINE}
    assert flood[-1].scores[0].deciding == "rate"
    before = analyzer.dump()
    engine.conclude(flood[-1], accepted=True)
    assert analyzer.dump() == before
    engine.conclude(flood[0], accepted=True)
    assert analyzer.dump() != before


DENY = {"name": "no-spying", "action": "deny", "comment": "Machines wash.", "operation": ["get"]}
ALLOW = {"name": "let-it", "action": "allow", "source_type": ["/washingService"]}
ALERT = {"name": "look", "action": "alert"}


@pytest.mark.parametrize(
    ("mode", "action"),
    [(Mode.LEARN, Action.FORWARD), (Mode.MONITOR, Action.FORWARD), (Mode.ENFORCE, Action.BLOCK)],
)
def test_what_a_rule_denies_is_refused_as_the_mode_says_and_never_teaches(mode: Mode, action: Action) -> None:
    bench = Bench({"mode": mode, "rules": [DENY]})

    verdict = bench.judge(call(SPYING))
    bench.engine.conclude(verdict, accepted=True)

    assert (verdict.action, verdict.would_be, verdict.reason) == (action, Action.BLOCK, "denied-by-rule")
    assert (verdict.rule, verdict.alert) == ("no-spying", True)
    assert "Rule no-spying of the policy denies it: Machines wash (denied-by-rule)." in sentence(verdict)
    assert bench.analyzer.learnt == []


def test_one_denied_access_denies_the_call() -> None:
    bench = Bench({"mode": "enforce", "rules": [{**DENY, "node": ["**/1"]}, ALLOW]})

    assert bench.judge(call(access(0), access(1))).reason == "denied-by-rule"


def test_a_denial_quarantines_nobody() -> None:
    bench = Bench({"mode": "enforce", "rules": [DENY]})

    assert all(bench.judge(call(SPYING)).action is Action.BLOCK for _ in range(50))
    assert bench.quarantines.entries == ()


def test_what_a_rule_allows_passes_whatever_its_score_and_does_not_become_normal() -> None:
    bench = Bench({"mode": "enforce", "rules": [ALLOW]}, score(90))

    verdict = bench.judge(call(SPYING))
    bench.engine.conclude(verdict, accepted=True)

    assert (verdict.action, verdict.would_be, verdict.reason) == (Action.FORWARD, Action.FORWARD, "allowed-by-rule")
    assert (verdict.rule, verdict.alert, verdict.threshold) == ("let-it", False, 7)
    assert sentence(verdict).startswith("Forwarded, as rule let-it of the policy allows it: /agent1/washingmachine1")
    assert bench.analyzer.learnt == []
    assert [noted[0] for noted in bench.analyzer.noted] == [SPYING]
    assert bench.quarantines.entries == ()


def test_what_is_normal_anyway_teaches_though_a_rule_allows_it() -> None:
    bench = Bench({"mode": "enforce", "rules": [ALLOW]}, score(1))

    verdict = bench.judge(call(SPYING))
    bench.engine.conclude(verdict, accepted=True)

    assert (verdict.reason, verdict.rule) == ("normal", "let-it")
    assert bench.analyzer.learnt == [SPYING]


@pytest.mark.parametrize(("scores", "learnt"), [([score(90)], 1), ([score(90, "rate")], 0)])
def test_in_learn_mode_a_rule_that_allows_changes_nothing(scores: list[Score], learnt: int) -> None:
    assert Bench({"mode": "learn", "rules": [ALLOW]}, *scores).learnt_from(call(SPYING)) == learnt


FIRST_ALLOWED = {**ALLOW, "node": ["**/0"]}


def test_an_allowed_access_does_not_excuse_another_one_of_the_call() -> None:
    bench = Bench({"mode": "enforce", "rules": [FIRST_ALLOWED]}, score(90), score(8), score(90), score(6))

    refused = bench.judge(call(access(0), access(1)))
    passed = bench.judge(call(access(0), access(1)))

    assert (refused.action, refused.worst, refused.reason, refused.rule) == (Action.BLOCK, 1, "anomalous", None)
    assert (passed.action, passed.worst) == (Action.FORWARD, 1)
    assert passed.alert


@pytest.mark.parametrize("mode", ["monitor", "enforce"])
@pytest.mark.parametrize("other", [0.0, 5.0])
def test_an_excused_access_keeps_its_whole_call_from_teaching(mode: str, other: float) -> None:
    bench = Bench({"mode": mode, "rules": [FIRST_ALLOWED]}, score(90), score(other))

    verdict = bench.judge(call(access(0), access(1)))
    bench.engine.conclude(verdict, accepted=True)

    assert (verdict.action, verdict.reason, verdict.rule) == (Action.FORWARD, "allowed-by-rule", "let-it")
    assert sentence(verdict).startswith("Forwarded, as rule let-it of the policy allows it: ")
    assert bench.analyzer.learnt == []
    assert [noted[0] for noted in bench.analyzer.noted] == [access(1), access(0)]


def test_an_excused_access_is_measured_by_the_threshold_for_its_own_partner() -> None:
    sensors = {"/sensorService": {"thresholds": {"block": 20}}}
    policy = {"mode": "enforce", "rules": [ALLOW], "service_types": {"/washingService": {"partners": sensors}}}
    elsewhere = msgspec.structs.replace(SPYING, destination_type="/doorLock")

    assert Bench(policy, score(19), score(1)).learnt_from(call(SPYING, elsewhere)) == 2
    assert Bench(policy, score(19), score(8)).learnt_from(call(SPYING, elsewhere)) == 0


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize(
    ("refusal", "sender"),
    [
        (Refusal(code="unknown-node", detail="No such node is known.", every_mode=False), WASHING_MACHINE),
        (UNSUPPORTED, WASHING_MACHINE),
        (None, STRANGER),
    ],
)
def test_a_call_of_which_a_rule_lifts_a_refusal_teaches_as_little_as_without_the_rule(
    mode: Mode, refusal: Refusal | None, sender: Sender
) -> None:
    bench = Bench({"mode": mode, "rules": [{"name": "all", "action": "allow"}]}, score(1))

    verdict = bench.judge(call(SPYING, sender=sender, refusal=refusal))
    bench.engine.conclude(verdict, accepted=True)

    assert (verdict.action, verdict.reason) == (Action.FORWARD, "allowed-by-rule")
    assert verdict.call.refusal is not None, "the audit tells what was lifted"
    assert (bench.analyzer.learnt, bench.analyzer.noted) == ([], [])


def test_an_unknown_node_that_the_policy_forwards_teaches() -> None:
    unknown = Refusal(code="unknown-node", detail="No such node is known.", every_mode=False)

    assert Bench({"mode": "enforce", "unknown_node": "forward"}, score(1)).learnt_from(call(SPYING, refusal=unknown))


def test_a_rule_allows_neither_what_is_refused_in_every_mode_nor_who_is_quarantined() -> None:
    bench = Bench({"mode": "enforce"}, score(90))
    assert bench.judge(call(SPYING)).action is Action.QUARANTINE
    bench.engine.replace_policy(PolicyDocument.model_validate({"mode": "enforce", "rules": [ALLOW]}), "r2")

    assert bench.judge(call(SPYING)).reason == "quarantined"
    fresh = Bench({"mode": "enforce", "rules": [{"name": "all", "action": "allow"}]})
    assert fresh.judge(call(SPYING, refusal=FORGED)).reason == "forged"
    assert fresh.judge(call()).reason == "nothing-to-judge"


def test_a_rule_allows_who_or_what_is_not_known() -> None:
    known_by_nobody = msgspec.structs.replace(SPYING, source_type=None, source=STRANGER.address)
    rule = {"name": "laptop", "action": "allow", "network": ["192.0.2.99"]}
    bench = Bench({"mode": "enforce", "rules": [rule]}, score(0))

    verdict = bench.judge(call(known_by_nobody, sender=STRANGER))

    assert (verdict.action, verdict.reason, verdict.rule) == (Action.FORWARD, "allowed-by-rule", "laptop")
    other = msgspec.structs.replace(STRANGER, ip="192.0.2.98")
    assert bench.judge(call(known_by_nobody, sender=other)).reason == "unknown-sender"


@pytest.mark.parametrize("accesses", [(SPYING,), ()], ids=["read", "not read"])
@pytest.mark.parametrize("sender", [WASHING_MACHINE, msgspec.structs.replace(WASHING_MACHINE, service_type=None)])
def test_no_rule_and_no_setting_lifts_a_key_that_is_shown_elsewhere(
    accesses: tuple[Access, ...], sender: Sender
) -> None:
    elsewhere = Refusal(code="identity-conflict", detail="The inventory has it elsewhere.", every_mode=False)
    forwarding = {"unknown_sender": "forward", "unknown_type": "forward", "unknown_node": "forward"}
    bench = Bench({"mode": "enforce", **forwarding, "rules": [{"name": "all", "action": "allow"}]}, USUAL)

    verdict = bench.judge(call(*accesses, sender=sender, refusal=elsewhere))
    bench.engine.conclude(verdict, accepted=True)

    assert (verdict.action, verdict.reason) == (Action.BLOCK, "identity-conflict")
    assert bench.analyzer.learnt == []
    assert Bench({"mode": "monitor"}).judge(call(*accesses, sender=sender, refusal=elsewhere)).forwarded


def test_what_could_not_be_read_is_allowed_by_rules_about_senders_only() -> None:
    of_access = Bench({"mode": "enforce", "rules": [{**ALLOW, "operation": ["get"]}]})
    of_sender = Bench({"mode": "enforce", "rules": [ALLOW]})

    assert of_access.judge(call(SPYING, refusal=UNSUPPORTED)).reason == "unsupported-body"
    assert of_access.judge(call(refusal=UNSUPPORTED)).reason == "unsupported-body"
    verdict = of_sender.judge(call(refusal=UNSUPPORTED))
    assert (verdict.action, verdict.reason, verdict.scores) == (Action.FORWARD, "allowed-by-rule", ())
    assert sentence(verdict).endswith("A body that is not supported (allowed-by-rule).")


@pytest.mark.parametrize("target", [(), (SPYING,)], ids=["nothing read", "the target read"])
@pytest.mark.parametrize(
    "code", ["unsupported-body", "xml-body", "unsupported-operation", "too-many-nodes", "unknown-structure"]
)
def test_what_cannot_be_read_gets_past_no_denial_that_might_concern_it(code: str, target: tuple[Access, ...]) -> None:
    unread = call(*target, refusal=msgspec.structs.replace(UNSUPPORTED, code=code))
    denial = {"name": "no-movement", "action": "deny", "node": ["/agent1/movement1/**"]}
    before = Bench({"mode": "enforce", "rules": [denial, ALLOW]})
    after = Bench({"mode": "enforce", "rules": [ALLOW, denial]}, score(0))

    verdict = before.judge(unread)
    assert (verdict.action, verdict.reason) == (Action.BLOCK, code)
    assert after.judge(unread).forwarded


@pytest.mark.parametrize("mode", list(Mode))
def test_a_rule_that_alerts_marks_the_call_and_changes_nothing_else(mode: Mode) -> None:
    bench = Bench({"mode": mode, "rules": [ALERT]}, score(0), score(9))

    usual, unusual = bench.judge(call(SPYING)), bench.judge(call(SPYING))

    assert (usual.action, usual.alert, usual.rule, usual.reason) == (Action.FORWARD, True, "look", "normal")
    assert sentence(usual).endswith(" Rule look of the policy matched it.")
    assert (unusual.would_be, unusual.rule, unusual.reason) == (Action.BLOCK, "look", "anomalous")


def test_a_rule_that_alerts_does_not_switch_off_the_rules_after_it() -> None:
    denying = Bench({"mode": "enforce", "rules": [ALERT, DENY]})
    allowing = Bench({"mode": "enforce", "rules": [ALERT, ALLOW]}, score(90))

    denied, allowed, unread = (
        denying.judge(call(SPYING)),
        allowing.judge(call(SPYING)),
        allowing.judge(call(refusal=UNSUPPORTED)),
    )

    assert (denied.action, denied.reason, denied.rule) == (Action.BLOCK, "denied-by-rule", "no-spying")
    for verdict in (allowed, unread):
        assert (verdict.action, verdict.reason, verdict.rule) == (Action.FORWARD, "allowed-by-rule", "let-it")
        assert verdict.alert


EXPECT = {"name": "it-may", "action": "expect", "source_type": ["/washingService"]}


def known(sor: float, **terms: float) -> Score:
    """A score of which the relationship is one part and other terms are the other."""
    soa = max(terms.values(), default=0.0)
    deciding = "relationship" if sor >= soa else max(terms, key=terms.__getitem__)
    evidence = Named({"relationship": sor, **terms, "model_weight": soa})
    return msgspec.structs.replace(score(0), av=max(sor, soa), sor=sor, soa=soa, deciding=deciding, evidence=evidence)


def test_what_a_rule_expects_is_not_refused_for_being_new_and_teaches() -> None:
    bench = Bench({"mode": "enforce", "rules": [EXPECT]}, known(60.0))
    verdict = bench.judge(call(SPYING))
    bench.engine.conclude(verdict, accepted=True)
    assert (verdict.action, verdict.reason, verdict.rule, verdict.alert) == (Action.FORWARD, "normal", "it-may", False)
    assert bench.analyzer.learnt == [SPYING]
    assert sentence(verdict).endswith(" Rule it-may of the policy matched it.")


def test_what_a_rule_expects_is_refused_for_everything_else() -> None:
    bench = Bench({"mode": "enforce", "rules": [EXPECT]}, known(60.0, rate=9.0, location=1.0), known(3.0, value=40.0))
    flood, value = bench.judge(call(SPYING)), bench.judge(call(SPYING))
    assert (flood.action, flood.scores[0].av, flood.scores[0].deciding) == (Action.BLOCK, 9.0, "rate")
    assert (value.action, value.scores[0].av, value.scores[0].deciding) == (Action.QUARANTINE, 40.0, "value")


def test_a_rule_that_expects_concerns_the_accesses_that_it_matches() -> None:
    one = {**EXPECT, "node": ["**/1"]}
    accesses = [msgspec.structs.replace(SPYING, node=f"/agent1/tempin1/{index}") for index in (1, 2)]
    verdict = Bench({"mode": "enforce", "rules": [one]}, known(20.0), known(9.0)).judge(call(*accesses))
    assert (verdict.action, verdict.worst, [each.av for each in verdict.scores]) == (Action.BLOCK, 1, [0.0, 9.0])


def test_a_rule_that_expects_lifts_nothing_and_decides_nothing() -> None:
    rules = [EXPECT, DENY]
    assert Bench({"mode": "enforce", "rules": rules}).judge(call(SPYING)).reason == "denied-by-rule"
    unread = Bench({"mode": "enforce", "rules": [{"name": "all", "action": "expect"}]})
    assert unread.judge(call(refusal=UNSUPPORTED)).reason == "unsupported-body"
    stranger = Bench({"mode": "enforce", "rules": [{"name": "all", "action": "expect"}]})
    assert stranger.judge(call(SPYING, sender=STRANGER)).reason == "unknown-sender"


def test_thresholds_may_differ_for_one_type_of_partners() -> None:
    sensors = {"/sensorService": {"thresholds": {"block": 20, "quarantine": None}}}
    policy = {"mode": "enforce", "service_types": {"/washingService": {"partners": sensors}}}
    elsewhere = msgspec.structs.replace(SPYING, destination_type="/doorLock")
    bench = Bench(policy, score(19), score(19), score(90), score(19), score(8))

    assert bench.judge(call(SPYING)).action is Action.FORWARD
    assert bench.judge(call(elsewhere)).threshold == 7
    assert bench.judge(call(SPYING)).action is Action.BLOCK, "it never quarantines"
    both = bench.judge(call(SPYING, elsewhere))
    assert (both.action, both.worst, both.threshold) == (Action.BLOCK, 1, 7)


def test_unknown_nodes_may_be_forwarded_for_one_type() -> None:
    unknown = Refusal(code="unknown-node", detail="No such node is known.", every_mode=False)
    policy = {"mode": "enforce", "service_types": {"/washingService": {"unknown_node": "forward"}}}
    other = msgspec.structs.replace(WASHING_MACHINE, service_type="/battery")
    bench = Bench(policy, score(0))

    assert bench.judge(call(SPYING, refusal=unknown)).forwarded
    assert bench.judge(call(SPYING, sender=other, refusal=unknown)).reason == "unknown-node"


def test_auto_monitors_until_a_type_is_ready() -> None:
    bench = Bench({"mode": "auto", "service_types": {"/phone": {"mode": "learn"}}}, *[score(9)] * 3)

    assert bench.judge(call(SPYING)).mode is Mode.MONITOR
    bench.engine.replace_ready({"/washingService", "/phone"})
    assert bench.judge(call(SPYING)).action is Action.BLOCK
    assert bench.engine.rules("/phone").mode is Mode.LEARN
    assert bench.engine.rules("/battery").mode is Mode.MONITOR
    bench.engine.replace_policy(PolicyDocument.model_validate({"mode": "auto"}), "r2")
    assert bench.engine.rules("/washingService").mode is Mode.ENFORCE
    bench.engine.replace_ready(())
    assert bench.judge(call(SPYING)).mode is Mode.MONITOR


ESCALATION = {"escalation": {"refusals": 3, "different": 2, "within": "1m"}}
EAGER = {"mode": "enforce", "quarantine": ESCALATION}


def kinds(*names: str) -> list[Call]:
    return [call(msgspec.structs.replace(SPYING, data_type=f"/{name}")) for name in names]


def test_one_refusal_too_many_of_different_calls_quarantines_the_sender() -> None:
    bench = Bench(EAGER, *[score(9)] * 3)

    verdicts = [bench.judge(each, NOW + number) for number, each in enumerate(kinds("a", "b", "a", "c"))]

    actions = [(verdict.action, verdict.reason) for verdict in verdicts]
    assert actions == [
        (Action.BLOCK, "anomalous"),
        (Action.BLOCK, "anomalous"),
        (Action.QUARANTINE, "refused-too-often"),
        (Action.BLOCK, "quarantined"),
    ]
    assert (verdicts[2].repeats, verdicts[2].threshold) == (3, 7)
    assert sentence(verdicts[2]).endswith("blocks from 7). It is one of 3 refused calls, which are too many.")
    (entry,) = bench.quarantines.entries
    assert (entry.reason, entry.times) == ("relationship: AV 9.0, the last of 3 refused calls", 1)


@pytest.mark.parametrize(
    ("changes", "given"),
    [
        ({}, kinds("a") * 50),
        ({"quarantine": {}}, kinds("a", "b", "c") * 20),
        ({"quarantine": {**ESCALATION, "protected": ["192.0.2.17"]}}, kinds("a", "b", "c") * 20),
        ({"mode": "learn"}, kinds("a", "b", "c") * 20),
        ({}, [msgspec.structs.replace(each, may_quarantine=False) for each in kinds("a", "b", "c") * 20]),
    ],
    ids=["one call repeated", "off", "protected", "learning", "does not answer for it"],
)
def test_whom_refusals_never_quarantine(changes: dict[str, Any], given: list[Call]) -> None:
    bench = Bench({**EAGER, **changes}, *[score(9)] * len(given))

    assert Action.QUARANTINE not in {bench.judge(each).would_be for each in given}
    assert bench.quarantines.entries == ()


def test_monitor_says_that_refusals_would_have_quarantined_the_sender() -> None:
    bench = Bench({**EAGER, "mode": "monitor"}, *[score(9)] * 3)

    verdict = [bench.judge(each) for each in kinds("a", "b", "c")][-1]

    assert (verdict.action, verdict.would_be) == (Action.FORWARD, Action.QUARANTINE)
    assert bench.quarantines.entries == ()


def test_who_is_let_go_by_hand_has_no_refusals_left_from_before() -> None:
    bench = Bench(EAGER, score(9), score(9), score(60), *[score(9)] * 3)
    a, b, c, d, e, f = kinds("a", "b", "c", "d", "e", "f")
    assert [bench.judge(each).action for each in (a, b, c)][-1] is Action.QUARANTINE

    (entry,) = bench.quarantines.entries
    bench.quarantines.release(entry.identity)
    bench.engine.forgive(entry.identity)

    assert [bench.judge(each).action for each in (d, e, f)] == [Action.BLOCK, Action.BLOCK, Action.QUARANTINE]


def test_who_the_policy_protects_for_a_while_has_no_refusals_left_from_before() -> None:
    bench = Bench(EAGER, score(9), score(9), score(60), score(9))
    a, b, c, d = kinds("a", "b", "c", "d")
    for each in (a, b, c):
        bench.judge(each)
    protecting = {**EAGER, "quarantine": {**ESCALATION, "protected": ["192.0.2.17"]}}

    for revision, policy in (("r2", protecting), ("r3", EAGER)):
        bench.engine.replace_policy(PolicyDocument.model_validate(policy), revision)

    assert bench.judge(d).action is Action.BLOCK


def test_what_was_noted_in_another_mode_does_not_count() -> None:
    bench = Bench({**EAGER, "mode": "monitor"}, *[score(9)] * 3)
    a, b, c = kinds("a", "b", "c")
    bench.judge(a)
    bench.judge(b)
    bench.engine.replace_policy(PolicyDocument.model_validate(EAGER), "r2")

    assert bench.judge(c).action is Action.BLOCK


def test_what_was_noted_before_a_type_was_ready_does_not_count() -> None:
    bench = Bench({**EAGER, "mode": "auto"}, *[score(9)] * 3)
    a, b, c = kinds("a", "b", "c")
    bench.judge(a)
    bench.judge(b)
    bench.engine.replace_ready({"/washingService"})

    assert bench.judge(c).action is Action.BLOCK


def test_a_policy_with_the_same_modes_counts_on() -> None:
    bench = Bench(EAGER, *[score(9)] * 3)
    a, b, c = kinds("a", "b", "c")
    bench.judge(a)
    bench.judge(b)
    named = {**EAGER, "service_types": {"/washingService": {"thresholds": {"block": 6}}}}
    bench.engine.replace_policy(PolicyDocument.model_validate(named), "r2")

    assert bench.judge(c).action is Action.QUARANTINE


def test_quarantines_of_the_same_sender_grow_until_it_has_kept_quiet() -> None:
    back_off = {"factor": 3, "longest": "2h", "forgotten_after": "1d"}
    bench = Bench({"mode": "enforce", "quarantine": {"expiry": "15m", "back_off": back_off}}, *[score(60)] * 5)
    lengths = []
    now = NOW
    for pause in (0.0, 86_399.0, 0.0, 0.0, 86_400.0):
        now += pause
        bench.judge(call(SPYING), now)
        (entry,) = bench.quarantines.entries
        lengths.append(entry.until - now)
        now = entry.until
        bench.quarantines.expire(now)
    assert lengths == [900, 2700, 7200, 7200, 900]
