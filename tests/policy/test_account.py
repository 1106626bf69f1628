from __future__ import annotations

import msgspec
import pytest

from models.access import Operation
from models.score import Named
from policy.account import account
from policy.verdict import Refusal
from tests.policy.calls import SPYING, call, score
from tests.policy.test_explanation import judged


def test_the_account_names_what_was_expected_and_what_was_seen() -> None:
    told = account(judged(call(SPYING), score(38.2, model_weight=412.0, relationship_weight=3.0, location=0.0)))
    assert told.sentence.startswith("Refused, and the sender put in quarantine: ")
    first, second = told.features
    assert (first.name, first.share, first.decides) == ("relationship", 38.2, True)
    assert first.expected == "in 3 of 412 minutes of observation"
    assert first.seen == "get of /derived/temperature of /sensorService"
    assert (second.name, second.share, second.decides) == ("location", 0.0, False)
    assert (told.av, told.threshold) == (38.2, 30)
    assert told.model is not None
    assert (told.model.service_type, told.model.version, told.model.weight) == ("/washingService", "m7", 412.0)


def test_a_share_is_what_the_feature_would_have_made_by_itself() -> None:
    given = msgspec.structs.replace(
        score(10.0, "rate"),
        som=0.5,
        evidence=Named({"relationship": 6.0, "rate": 20.0, "rate_fast": 20.0, "count_fast": 31.0, "normal_fast": 2.0}),
    )
    told = account(judged(call(SPYING), given))
    assert [(each.name, each.share, each.decides) for each in told.features] == [
        ("rate", 10.0, True),
        ("relationship", 3.0, False),
    ]
    assert told.features[0].expected == "about 2 times within 10 s"
    assert told.features[0].seen == "about 31 times within 10 s"
    assert told.av == told.features[0].share


def test_the_worst_access_is_the_one_that_is_told_of() -> None:
    other = msgspec.structs.replace(SPYING, operation=Operation.SET)
    told = account(judged(call(SPYING, other), score(1.0), score(20.0)))
    assert told.features[0].seen == "set of /derived/temperature of /sensorService"


def test_what_was_not_scored_has_no_features() -> None:
    refusal = Refusal(code="bad-host", detail="There is no Host field.", every_mode=True)
    told = account(judged(call(refusal=refusal)))
    assert (told.features, told.av, told.model) == ((), None, None)
    assert told.sentence.endswith("There is no Host field (bad-host).")


@pytest.mark.parametrize(
    ("name", "terms", "expected", "seen"),
    [
        ("value", {"value_written": 99.5, "value_low": 15.0, "value_high": 24.0}, "15 to 24", "99.5"),
        ("location", {"location_instances": 9.0, "location_seen": 1.0}, "so placed: 1 of 9", "BathRoom and Bedroom"),
        ("partner", {"partner_settled": 2.0}, "one of the 2 that", "/agent1/tempin1"),
        (
            "rate",
            {"rate_slow": 9.0, "count_slow": 80.0, "normal_slow": 1.5},
            "about 1.5 times within a min",
            "about 80",
        ),
        ("interval", {"gap": 2500.0}, "one of the usual", "2.5 s after"),
        ("partners", {"partners_seen": 7.0}, "as many partners", "7"),
    ],
)
def test_every_feature_is_told_in_its_own_terms(name: str, terms: dict[str, float], expected: str, seen: str) -> None:
    told = account(judged(call(SPYING), score(40.0, name, **terms)))
    assert told.features[0].name == name
    assert str(told.features[0].expected).startswith(expected)
    assert str(told.features[0].seen).startswith(seen)


def test_a_feature_that_nobody_knows_here_still_has_its_share() -> None:
    told = account(judged(call(SPYING), score(40.0, "novel\x1b")))
    assert [(each.name, each.share) for each in told.features] == [("novel\\x1b", 40.0)]
