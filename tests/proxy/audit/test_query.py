from __future__ import annotations

import msgspec
import pytest

from policy.verdict import Action
from proxy.audit.chain import encode
from proxy.audit.event import VerdictEvent, record
from proxy.audit.query import Query
from proxy.audit.reader import Record, parse
from tests.policy.calls import NOW
from tests.proxy.audit.events import start_notice, verdict

REFUSED = VerdictEvent(verdict=verdict(3), time=NOW)
FORWARDED = VerdictEvent(verdict=verdict(4, action=Action.FORWARD, av=0.2), time=NOW)


def read(event: VerdictEvent) -> Record:
    found = parse(encode(record(event)))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("field", "value", "other"),
    [
        ("kind", "verdict", "start"),
        ("since", "2025-11-13T02:13:20.000Z", "2025-11-13T02:13:20.001Z"),
        ("until", "2025-11-13T02:13:20.001Z", "2025-11-13T02:13:20.000Z"),
        ("sender", "/agent1/washingmachine1", "/agent1/washingmachine"),
        ("sender", "192.0.2.17", "192.0.2.1"),
        ("sender", "washingmachine1", "washing"),
        ("service_type", "/washingService", "/sensorService"),
        ("destination", "/agent1/tempin1", "/agent1/tempin2"),
        ("destination", "/sensorService", "/washingService"),
        ("destination", "/agent1/tempin1/temperature", "/agent1/tempin1/other"),
        ("operation", "get", "set"),
        ("action", "block", "forward"),
        ("would_be", "block", "quarantine"),
        ("reason", "anomalous", "normal"),
        ("least_av", 38.2, 38.3),
        ("text", "TEMPERATURE", "humidity"),
    ],
)
def test_each_field_lets_through_what_fits_and_nothing_else(field: str, value: object, other: object) -> None:
    found = read(REFUSED)
    for given, fits in ((value, True), (other, False)):
        query = msgspec.convert({field: given}, Query)
        assert query.fits(found) is fits
        assert query.may_fit(found.line) or not fits


def test_the_sentence_is_searched_also_where_it_is_made_at_reading() -> None:
    found = read(FORWARDED)
    assert found.data["sentence"] is None
    assert Query(text="that is usual for services").fits(found)


def test_records_of_other_kinds_fit_what_they_have() -> None:
    found = parse(encode(record(start_notice())))
    assert found is not None
    assert Query(kind="start").fits(found)
    assert not Query(sender="/agent1/washingmachine1").fits(found)
    assert not Query(least_av=0).fits(found)


def test_what_somebody_mangled_fits_nothing_but_does_not_hurt() -> None:
    for line in (b'{"sender":7,"accesses":{"a":1},"av":"x"}', b'{"accesses":[1],"sender":[]}', b"{}"):
        found = parse(line)
        assert found is not None
        assert not Query(sender="a", operation="get", least_av=1).fits(found)
