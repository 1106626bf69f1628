"""The JSON of the federation, as it goes over the wire."""

from __future__ import annotations

import msgspec
import pytest

from models.candidates import Candidate
from models.exchange.showings import Showing
from models.relationship import Key
from proxy.federation.messages import Candidates, Problem

SHOWING = Showing(
    candidate=Candidate("/light", "relationship", Key("/lamp", False, "set", "/basic/number")),
    recent=2,
    persistent=1,
    onset=60_000,
    last=120_000,
)


def test_candidates_are_read_as_they_were_written() -> None:
    told = Candidates(epoch=1, sequence=2, instances={"/light": 3}, open=[SHOWING])
    assert msgspec.json.decode(msgspec.json.encode(told), type=Candidates) == told


@pytest.mark.parametrize("epoch", [-1, 2**53 - 1, 1.5, True, None])
def test_a_stamp_is_a_number_that_every_reader_can_hold(epoch: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"epoch": epoch, "sequence": 1, "instances": {}, "open": []}, Candidates)


def test_a_problem_says_only_what_there_is() -> None:
    problem = Problem(type="urn:x", title="Too many requests", status=429, code="rate")
    assert msgspec.json.decode(msgspec.json.encode(problem)).keys() == {"type", "title", "status", "code"}
