from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.access import Access, Operation
from models.anomaly import UNSCORED
from models.score import Score
from policy.document import PolicyDocument
from policy.engine import Engine
from policy.explanation import sentence
from policy.quarantine import QuarantineRegister
from policy.verdict import Call, Refusal, Verdict
from tests.policy.calls import NOW, SPYING, STRANGER, PrescribedAnalyzer, access, call, score

WHO = "/agent1/washingmachine1 (a /washingService)"
WHAT = "/agent1/tempin1/temperature (a /derived/temperature of a /sensorService)"


def never(av: float) -> Score:
    return score(av, model_weight=412.0, relationship_weight=0.0)


def judged(given: Call, *scores: Score, mode: str = "enforce", **policy: Any) -> Verdict:
    engine = Engine(
        analyzer=PrescribedAnalyzer(scores),
        policy=PolicyDocument.model_validate({"mode": mode, **policy}),
        revision="r1",
        quarantines=QuarantineRegister(),
    )
    return engine.judge(given, now=NOW)


def said(*scores: Score, mode: str = "enforce", **given: Any) -> str:
    accesses = given.pop("accesses", (SPYING,))
    return sentence(judged(call(*accesses, **given), *scores, mode=mode))


def test_a_refusal_says_who_did_what_to_whom_and_what_was_expected() -> None:
    assert said(never(12)) == (
        f"Refused: {WHO} wanted to read {WHAT}. Services of this type were never seen doing that in 412 minutes of"
        " observation (AV 12.0, blocks from 7)."
    )


@pytest.mark.parametrize(
    ("mode", "av", "opening"),
    [
        ("enforce", 50, "Refused, and the sender put in quarantine: "),
        ("learn", 12, "Forwarded (learning; would have been refused): "),
        ("monitor", 12, "Forwarded (only monitoring; would have been refused): "),
        ("monitor", 50, "Forwarded (only monitoring; would have been refused, and the sender put in quarantine): "),
        ("enforce", 1, "Forwarded: "),
    ],
)
def test_what_happened_and_what_would_have_comes_first(mode: str, av: float, opening: str) -> None:
    text = said(never(av), mode=mode)

    assert text.startswith(f"{opening}{WHO} {'wanted to read' if opening.startswith('Refused') else 'read'} {WHAT}. ")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (score(8, model_weight=412, relationship_weight=2), "seen doing that in only 2 of 412 minutes of observation"),
        (
            score(8, "location", location_instances=12, location_seen=0),
            (
                "It is in BathRoom, its partner in Bedroom; of the 12 services of this type that do that, none has a"
                " partner in another room"
            ),
        ),
        (
            score(8, "rate", rate_fast=8, rate_slow=3, count_fast=9.1, normal_fast=1.2, count_slow=9, normal_slow=4),
            "It did that about 9 times within 10 seconds; services of this type do it about 1.2 times",
        ),
        (
            score(8, "rate", rate_fast=1, rate_slow=8, count_fast=3, normal_fast=1.2, count_slow=30, normal_slow=5.2),
            "It did that about 30 times within a minute; services of this type do it about 5.2 times",
        ),
        (score(8, "period"), "It came between the times at which this service regularly does that"),
        (score(8, "relationship"), "Services of this type are hardly ever seen doing that"),
        (score(8, "location"), "It is in BathRoom, its partner in Bedroom"),
        (score(8, "rate"), "It does that far more often than services of this type do"),
        (
            score(8, "value", value_written=85, value_low=18, value_high=22),
            "It writes 85; services of this type write 18 to 22 there",
        ),
        (score(8, "value"), "The number is out of the range of what services of this type write there"),
        (score(8, "text"), "Services of this type write few different values there, and never one like that"),
        (score(8, "partner", partner_settled=1), "services of this type hardly ever turn to another one"),
        (score(8, "partner", partner_settled=4), "services of this type hardly ever turn to another one"),
        (score(8, "sequence"), "Services of this type do something else right before that, and it did not"),
        (score(8, "registration"), "It never registered here, as the other services do before they act"),
        (score(8, "phase of the moon"), "What is unusual is the phase of the moon"),
    ],
)
def test_the_deciding_term_is_put_in_words(given: Score, why: str) -> None:
    assert said(given).endswith(f"{why} (AV 8.0, blocks from 7).")


def test_a_room_is_only_named_when_it_is_known() -> None:
    nowhere = msgspec.structs.replace(SPYING, source_location=None, destination_location="Attic")
    together = msgspec.structs.replace(SPYING, source_location="Attic", destination_location="Attic")
    terms = {"location_instances": 9.0, "location_seen": 2.0}

    assert "It is in an unknown place, its partner in Attic" in said(score(8, "location", **terms), accesses=(nowhere,))
    assert "Both are in Attic; of the 9 services of this type that do that, only 2 has a partner in the same room" in (
        said(score(8, "location", **terms), accesses=(together,))
    )


def test_a_normal_call_and_a_noticeable_one_differ() -> None:
    assert said(never(0.3)).endswith("That is usual for services of this type (AV 0.3, blocks from 7).")
    assert said(never(5)).endswith("never seen doing that in 412 minutes of observation (AV 5.0, blocks from 7).")


def test_a_young_model_says_that_it_is_young() -> None:
    young = msgspec.structs.replace(score(0.5), som=0.01, sor=50.0)

    assert "have not been observed long enough to judge (AV 0.5" in said(young)
    assert "Nothing is known yet of services of this type (AV 0.0" in said(UNSCORED)


@pytest.mark.parametrize(
    ("operation", "did", "wanted"),
    [
        (Operation.GET, "read", "wanted to read"),
        (Operation.SET, "set", "wanted to set"),
        (Operation.SUBSCRIBE, "subscribed to", "wanted to subscribe to"),
        (Operation.UNSUBSCRIBE, "unsubscribed from", "wanted to unsubscribe from"),
        (Operation.NOTIFY, "was notified of", "was to be notified of"),
        (Operation.LOCK, "began a transaction on", "wanted to begin a transaction on"),
        (Operation.COMMIT, "committed its transaction on", "wanted to commit its transaction on"),
        (Operation.ROLLBACK, "rolled back its transaction on", "wanted to roll back its transaction on"),
        (Operation.REGISTER, "registered as", "wanted to register as"),
        (Operation.REGISTER_VIRTUAL, "took over the answers for", "wanted to take over the answers for"),
        (Operation.UNREGISTER_VIRTUAL, "gave up the answers for", "wanted to give up the answers for"),
        (Operation.UNREGISTER, "unregistered", "wanted to unregister"),
        (Operation.GET_STREAM, "read the stream of", "wanted to read the stream of"),
        (Operation.SET_STREAM, "sent a stream to", "wanted to send a stream to"),
        (Operation.INVOKE, "invoked", "wanted to invoke"),
        (Operation.CREATE, "created", "wanted to create"),
        (Operation.DELETE, "deleted", "wanted to delete"),
    ],
)
def test_every_operation_has_its_words(operation: Operation, did: str, wanted: str) -> None:
    accesses = (msgspec.structs.replace(SPYING, operation=operation),)

    assert f"{WHO} {did} /agent1/" in said(score(1), accesses=accesses)
    assert f"{WHO} {wanted} /agent1/" in said(score(9), accesses=accesses)


def test_a_value_that_is_set_and_a_node_of_its_own_are_named() -> None:
    own = msgspec.structs.replace(
        SPYING, destination=SPYING.source, destination_type=SPYING.source_type, operation=Operation.SET, value="22"
    )

    assert '/temperature (a /derived/temperature of its own) to "22". ' in said(score(1), accesses=(own,))


def test_of_several_accesses_the_worst_is_told() -> None:
    text = said(score(1), score(9), score(2), accesses=(access(0), access(1), access(2)))

    assert "wanted to read /agent1/tempin1/1 (" in text
    assert "(the most unusual of 3 accesses of one call)" in text


def test_of_several_accesses_the_one_that_decides_is_not_always_the_most_unusual() -> None:
    allowing = {"name": "let-it", "action": "allow", "node": ["**/0"]}
    given = judged(call(access(0), access(1)), score(90), score(5), rules=[allowing])

    assert "read /agent1/tempin1/1 (" in sentence(given)
    assert "(the one that decides of 2 accesses of one call)" in sentence(given)


REFUSALS = [
    (Refusal(code="ambiguous-body", detail="a get carries a body", every_mode=True), "A get carries a body"),
    (Refusal(code="unknown-node", detail="Nothing is known of it.", every_mode=False), "Nothing is known of it"),
]


@pytest.mark.parametrize(("refusal", "why"), REFUSALS)
def test_a_refusal_gives_its_reason_and_its_code(refusal: Refusal, why: str) -> None:
    assert said(refusal=refusal) == f"Refused: {WHO} wanted to read {WHAT}. {why} ({refusal.code})."
    undecoded = said(refusal=refusal, accesses=())
    assert undecoded.startswith(f"Refused: {WHO} sent GET /vsl/agent1/tempin1/temperature. {why}")


def test_the_engines_own_refusals_are_told_too() -> None:
    assert said(accesses=()).endswith("so nothing vouches for it (nothing-to-judge).")
    assert said(sender=STRANGER) == (
        f"Refused: ip:192.0.2.99 (an unknown type) wanted to read {WHAT}. Neither a certificate nor the inventory says"
        " which service this is (unknown-sender)."
    )
    assert said(mode="learn", sender=STRANGER).startswith(
        "Forwarded (learning; would have been refused): ip:192.0.2.99"
    )


def test_a_quarantined_sender_is_told_apart_from_an_anomalous_one() -> None:
    engine = Engine(
        analyzer=PrescribedAnalyzer([score(50)]),
        policy=PolicyDocument.model_validate({"mode": "enforce"}),
        revision="r1",
        quarantines=QuarantineRegister(),
    )
    engine.judge(call(SPYING), now=NOW)

    assert sentence(engine.judge(call(SPYING), now=NOW)) == (
        f"Refused: {WHO} wanted to read {WHAT}. It is in quarantine, where every call is refused until the quarantine"
        " expires or is lifted (quarantined)."
    )


def test_what_strangers_send_cannot_rewrite_the_screen() -> None:
    hostile = msgspec.structs.replace(
        SPYING, node="/a\x1b[2J\u202e\n" + "x" * 500, value="\x07", operation=Operation.SET
    )

    text = said(score(9), accesses=(hostile,), refusal=None)

    assert text.isprintable()
    assert r"/a\x1b[2J\u202e\x0a" in text
    assert len(text) < 500


@settings(deadline=None)
@given(
    st.builds(
        Access,
        time=st.integers(0),
        source=st.text(),
        source_type=st.none() | st.text(),
        source_location=st.none() | st.text(),
        destination=st.text(),
        destination_type=st.none() | st.text(),
        destination_location=st.none() | st.text(),
        node=st.text(),
        operation=st.sampled_from(Operation),
        data_type=st.none() | st.text(),
        value=st.none() | st.text(),
    ),
    st.floats(0, 100),
    st.sampled_from(["relationship", "location", "rate", "period", ""]),
)
def test_every_verdict_can_be_told_in_one_line(access: Access, av: float, deciding: str) -> None:
    for mode in ("learn", "enforce"):
        text = said(score(av, deciding), mode=mode, accesses=(access,))
        assert text.isprintable()
        assert text.endswith(").")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (score(8, "same_location"), "Its partner is in another room; services of this type have theirs in the same"),
        (score(8, "partners", partners_seen=12), "It addressed 12 services of that type within a minute, more than"),
        (score(8, "interval", gap=500), "It did that 0.5 seconds after the last time, which is none of the intervals"),
        (score(8, "operation"), "Services of this type hardly ever do that with services of that type"),
        (score(8, "data_type"), "hardly ever exchange a /derived/temperature with services of that type"),
        (score(8, "group"), "The intervals at which it does that are, taken together, not those of services"),
    ],
)
def test_what_the_papers_scoring_finds_is_told_in_plain_words(given: Score, why: str) -> None:
    assert why in said(given)
