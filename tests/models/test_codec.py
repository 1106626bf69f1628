from __future__ import annotations

import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
        origin="node", newest=START, minute=7, knowledge=knowledge, instances=[instance.state("/agent1/light1")]
    )


def as_written(version: int, payload: bytes) -> bytes:
    digest = hashlib.blake2b(payload, digest_size=16, key=bytes((version,))).digest()
    return MAGIC + bytes((version,)) + digest + payload


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


def test_every_truncation_is_refused() -> None:
    data = encode(state())
    for length in [*range(len(MAGIC) + 40), len(data) // 2, len(data) - 1]:
        with pytest.raises(ValueError, match=r"not a file of models|cut off|damaged"):
            decode(data[:length])


@given(st.data())
def test_every_flipped_bit_is_refused(draw: st.DataObject) -> None:
    data = bytearray(encode(state()))
    position = draw.draw(st.integers(0, len(data) - 1))
    data[position] ^= 1 << draw.draw(st.integers(0, 7))
    with pytest.raises(ValueError, match=r"not a file of models|format|damaged"):
        decode(bytes(data))


def test_other_version_is_named() -> None:
    with pytest.raises(ValueError, match=f"format {VERSION + 1}, this program reads format {VERSION}"):
        decode(as_written(VERSION + 1, b""))


@pytest.mark.parametrize("payload", [b"", b"\xc1", msgspec.msgpack.encode({"origin": 1})])
def test_valid_checksum_over_nonsense_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        decode(as_written(VERSION, payload))


def test_sums_that_no_points_have_are_refused() -> None:
    relationship = Relationship(weight=1, fast=summary([(5, 0)]))
    relationship.fast.ss = 1
    model = CommunicationModel(service_type="/light", relationships={Key("/a", False, "get", ""): relationship})
    with pytest.raises(ValueError, match="no points have these sums"):
        decode(encode(state(model)))
