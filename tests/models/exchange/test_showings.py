from __future__ import annotations

import msgspec
import pytest

from models.candidates import Candidate
from models.exchange.showings import Acceptance, Showing, Showings
from tests.models.exchange.observed import READ

CANDIDATE = Candidate("/light", "location", READ, "other")
SHOWING = Showing(candidate=CANDIDATE, recent=2, persistent=1, onset=5, last=9)


def test_showings_and_acceptances_are_the_same_after_a_journey_as_json() -> None:
    showings = Showings(instances={"/light": 3}, open=[SHOWING])
    assert msgspec.json.decode(msgspec.json.encode(showings), type=Showings) == showings
    acceptance = Acceptance(candidate=CANDIDATE, time=9)
    assert msgspec.json.decode(msgspec.json.encode(acceptance), type=Acceptance) == acceptance


@pytest.mark.parametrize(
    "sent",
    [
        b'{"instances": {"/light": "3"}, "open": []}',
        b'{"instances": {"/light": NaN}, "open": []}',
        b'{"instances": {}}',
        b'{"instances": {}, "open": [{"candidate": ["/light", "location"], "recent": 1}]}',
    ],
)
def test_anything_else_is_not_taken_for_them(sent: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        msgspec.json.decode(sent, type=Showings)
