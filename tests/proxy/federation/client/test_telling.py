"""Candidates are told in a form that a service takes, however many there are, and name types only."""

from __future__ import annotations

import msgspec

from models.candidates import Candidate
from models.exchange.plausibility import check_showings
from models.exchange.showings import Showing, Showings
from models.relationship import Key
from proxy.federation.client.telling import presentable, told
from proxy.federation.messages import MAX_CANDIDATES_BYTES, Candidates

NOW = 1_760_000_000_000


def showing(partner: str, service_type: str = "/lamp", recent: int = 1) -> Showing:
    key = Key(partner, own=False, operation="set", data_type="/basic/text")
    candidate = Candidate(service_type, "relationship", key)
    return Showing(candidate=candidate, recent=recent, persistent=0, onset=NOW, last=NOW)


def test_what_is_no_type_stays_on_the_node() -> None:
    given = Showings(
        instances={"/lamp": 2, "/agent1/lamp": 1, "Kitchen, 2nd floor": 1},
        open=[showing("/cloud"), showing("/agent1/tv1"), showing("/x", "10.0.0.7")],
    )
    found = presentable(given)
    assert found == Showings(instances={"/lamp": 2}, open=[showing("/cloud")])
    check_showings(found, now=NOW)


def test_of_very_many_those_that_most_show_are_told() -> None:
    long = "/" + "z" * 120
    given = Showings(
        instances={f"/type{number}x": 1 for number in range(1000)},
        open=[showing(f"{long}{number}"[:128], recent=1 + number % 7) for number in range(4096)],
    )
    body = told(presentable(given), 5, 6)
    assert len(body) <= MAX_CANDIDATES_BYTES
    read = msgspec.json.decode(body, type=Candidates)
    assert (read.epoch, read.sequence) == (5, 6)
    assert read.open
    assert {each.recent for each in read.open} == {7}
    check_showings(Showings(instances=read.instances, open=read.open), now=NOW)


def test_a_telling_is_never_larger_than_services_take() -> None:
    given = Showings(instances={}, open=[showing("/" + "z" * 2000 + str(number)) for number in range(1000)])
    body = told(given, 1, 1)
    assert 0 < len(body) <= MAX_CANDIDATES_BYTES
    assert len(msgspec.json.decode(body, type=Candidates).open) > 50
