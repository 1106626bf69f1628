from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.arrivals import Arrivals
from models.candidates import Candidate, Sightings
from models.codec import MAGIC, VERSION, AnalyzerState, decode, encode
from models.communication_model import CommunicationModel
from models.contributions import Contribution
from models.instance import Instance
from models.knowledge import Answer, KnowledgeState
from models.relationship import Key, Relationship
from tests.models.accesses import START, access
from tests.models.test_communication_model import models
from tests.models.test_relationship import summary


def state(*found: CommunicationModel) -> AnalyzerState:
    instance = Instance("/light")
    for index in range(60):
        each = access(START + 20_000 * index)
        flow = instance.flow(each, most=8)
        flow.hit(each.time)
        instance.learn(each, flow, "same")
    by_site = {f"site{index}": Contribution(epoch=0, sequence=index, model=model) for index, model in enumerate(found)}
    candidate = Candidate("/light", "location", Key("/movement", own=False, operation="get", data_type=""), "other")
    sightings = Sightings()
    sightings.see("site0", "/agent1/light1", START)
    knowledge = KnowledgeState(
        origin="node",
        contributions={"/light": by_site},
        population=[("/light", "site0", 7, 3)],
        open=[(candidate, sightings)],
        answers=[(candidate, Answer(allowed=True, since=START, human=False))],
    )
    return AnalyzerState(
        origin="node",
        newest=START,
        minute=7,
        arrivals=Arrivals(3, 1),
        knowledge=knowledge,
        instances=[instance.state("/agent1/light1")],
    )


@given(st.lists(models(), max_size=3))
def test_what_is_written_is_read(found: list[CommunicationModel]) -> None:
    assert decode(encode(state(*found))) == state(*found)


def test_sums_beyond_64_bits_are_exact() -> None:
    relationship = Relationship(weight=1, fast=summary([(10**9, 3 * 10**9)] * 5))
    relationship.fast.tt += 10**30
    model = CommunicationModel(service_type="/light", relationships={Key("/a", False, "get", ""): relationship})
    assert decode(encode(state(model))).knowledge.contributions["/light"]["site0"].model == model


@pytest.mark.parametrize("data", [b"", b"\x80", b"PK\x03\x04 a zip", b"alleyes audit\n" + bytes(99)])
def test_bytes_of_something_else_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a file of models"):
        decode(data)


def test_what_is_cut_off_damaged_or_of_another_version_is_told() -> None:
    data = encode(state())
    with pytest.raises(ValueError, match="cut off"):
        decode(data[: len(MAGIC) + 5])
    with pytest.raises(ValueError, match="damaged"):
        decode(data[:-5])
    with pytest.raises(ValueError, match=f"format {VERSION + 1}, this program reads format {VERSION}"):
        decode(MAGIC + bytes((VERSION + 1,)) + data[len(MAGIC) + 1 :])
