"""What the policy does with types that were only inferred: judged apart, and nobody is shut out for one."""

from __future__ import annotations

import math

import msgspec
import pytest

from policy.document import PolicyDocument
from policy.engine import Engine
from policy.explanation import sentence
from policy.inferred import is_inferred
from policy.precedence import mode, threshold
from policy.quarantine import QuarantineRegister
from policy.verdict import Action, Call, Sender, Strength
from tests.policy.calls import NOW, SPYING, STRANGER, PrescribedAnalyzer, call, score

CAMERA = Sender(
    address="ip:192.0.2.9",
    service_type="/inferred/camera",
    strength=Strength.UNKNOWN,
    ip="192.0.2.9",
    inferred="its host name",
)


def policy(**settings: object) -> PolicyDocument:
    return PolicyDocument.model_validate({"mode": "enforce", **settings})


def engine(found: PolicyDocument, *values: float) -> Engine:
    analyzer = PrescribedAnalyzer(map(score, values))
    return Engine(analyzer=analyzer, policy=found, revision="r", quarantines=QuarantineRegister())


def verdict(sender: Sender, av: float, **settings: object) -> tuple[str, Action]:
    found = engine(policy(**settings), av).judge(asked(sender), now=NOW)
    return found.reason, found.action


def asked(sender: Sender) -> Call:
    made = msgspec.structs.replace(SPYING, source=sender.address, source_type=sender.service_type, source_location=None)
    return call(made, sender=sender)


def test_a_type_that_was_inferred_is_told_by_its_name() -> None:
    assert is_inferred("/inferred/camera")
    assert not is_inferred("/inferredcamera")


def test_an_inferred_sender_is_judged_by_its_model_where_a_stranger_is_refused() -> None:
    assert verdict(STRANGER, 0) == ("unknown-sender", Action.BLOCK)
    assert verdict(CAMERA, 0) == ("normal", Action.FORWARD)
    assert verdict(CAMERA, 8) == ("anomalous", Action.BLOCK)


def test_it_is_quarantined_only_where_the_policy_says_so() -> None:
    assert verdict(CAMERA, 100) == ("anomalous", Action.BLOCK)
    assert verdict(CAMERA, 100, inferred={"thresholds": {"block": 9}}) == ("anomalous", Action.BLOCK)
    assert verdict(CAMERA, 100, inferred={"thresholds": {"quarantine": 50}}) == ("anomalous", Action.QUARANTINE)


def test_refusals_do_not_add_up_to_a_quarantine() -> None:
    escalation = {"escalation": {"refusals": 2, "different": 1}}
    judge = engine(policy(quarantine=escalation), *[10] * 5)
    assert {judge.judge(asked(CAMERA), now=NOW).action for _ in range(5)} == {Action.BLOCK}


def test_thresholds_and_mode_of_inferred_types_come_before_those_of_all() -> None:
    found = policy(
        inferred={"mode": "monitor", "thresholds": {"block": 12}},
        service_types={"/inferred/phone": {"mode": "enforce", "thresholds": {"block": 3, "alert": 1}}},
    )
    assert mode(found, "/inferred/camera").path == ("inferred", "mode")
    assert mode(found, "/inferred/phone").value == "enforce"
    assert mode(found, "/camera").path == ("mode",)
    assert threshold(found, "/inferred/camera", None, "block").value == 12
    assert threshold(found, "/inferred/phone", None, "block").value == 3
    assert threshold(found, "/inferred/phone", None, "quarantine").path == ("inferred", "thresholds", "quarantine")
    judge = engine(found)
    assert judge.rules("/inferred/camera").limits.quarantine == math.inf
    assert judge.rules("/inferred/camera").mode == "monitor"
    assert judge.rules("/camera").mode == "enforce"


def test_the_sentence_says_from_what_the_type_was_inferred() -> None:
    found = engine(policy(), 8.0).judge(asked(CAMERA), now=NOW)
    assert "ip:192.0.2.9 (a /inferred/camera, inferred from its host name) wanted to read" in sentence(found)
    assert msgspec.json.decode(msgspec.json.encode(CAMERA), type=Sender) == CAMERA
    assert b"inferred" not in msgspec.json.encode(STRANGER)


@pytest.mark.parametrize("thresholds", [{"block": 2}, {"quarantine": 5}])
def test_thresholds_out_of_order_are_refused(thresholds: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"alert <= block <= quarantine|is below block|is above block"):
        policy(inferred={"thresholds": thresholds})
