"""A site with peculiar names and values, under attack: none of them is in the bytes that leave it.

Bytes can hide anything. So what leaves is also compared with what leaves a twin of that site, in which everything that
must not leave is another: where not a byte differs, nothing is told of it.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache
from itertools import count
from typing import Any
from zlib import crc32

import msgspec
import pytest

from models.access import Access
from models.analyzer import Analyzer
from models.clustering_feature import ClusteringFeature
from models.communication_model import CommunicationModel
from models.contributions import Contribution
from models.descriptor import MINUTE
from models.exchange.envelope import decode_contribution, decode_others, encode_contribution, encode_others
from models.exchange.pool import Pool
from models.exchange.shared import Others
from models.exchange.showings import Showings
from models.exchange.vouching import Ballot
from models.knowledge import HERE
from models.simulation.attacks import seven_attacks
from models.simulation.floorplan import family_home
from models.simulation.tempo import BRISK
from models.simulation.trace import Trace
from models.values import edges, read
from models.varint import Reader, Writer
from proxy.federation.client.telling import presentable, told
from tests.models.accesses import START
from tests.models.exchange.observed import shown_in

BLOCK = 7.0
ORIGIN = "quetzal-tower"
HOST = "gw7.quetzal.example"
EPOCH = START - 86_400_000
LONG = 4
"""Characters from which on a name or value in bytes is none by chance."""
MOMENT = 7_123
"""Milliseconds by which the twin's accesses are later, within their minute."""
LATER = (3 * 24 + 7) * 60 + 4
"""Minutes after which the same life is lived again."""
TIMES = frozenset({"onset", "last", "time"})
"""What is documented to be a time in ms, of candidates alone."""


def peculiar(text: str) -> str:
    """Another name for one, the same for the same: `agent1` becomes `zyzzyva-agent1-qx`."""
    return "/".join(f"zyzzyva-{part}-qx" if part else "" for part in text.split("/"))


def moved(access: Access) -> Access:
    """The same access in a site where everything has a name of its own, and texts and numbers that nobody else has."""
    value = access.value
    if value is not None:
        value = f"{float(value) + 0.123456:.6f}" if re.fullmatch(r"-?[0-9.]+", value) else f"wombat {value}"
    return msgspec.structs.replace(
        access,
        source=peculiar(access.source),
        destination=peculiar(access.destination),
        node=peculiar(access.node),
        source_location=access.source_location and f"Room of {access.source_location}, Mr. Xylander",
        destination_location=access.destination_location and f"Room of {access.destination_location}, Mr. Xylander",
        value=value,
    )


def disguised(access: Access) -> Access:
    """The same access in the twin of that site: other names, rooms and values, another moment of the same minute.

    Values keep their order and their category, which is what is documented to leave.
    """
    return msgspec.structs.replace(
        access,
        time=access.time + MOMENT,
        source=renamed(access.source),
        destination=renamed(access.destination),
        node=renamed(access.node),
        source_location=access.source_location and f"Hall {access.source_location[::-1]}",
        destination_location=access.destination_location and f"Hall {access.destination_location[::-1]}",
        value=None if access.value is None else revalued(access.value),
    )


def renamed(text: str) -> str:
    """Another name, and of another length: not even that is to leave."""
    return "/".join(f"umbrella-{part[::-1]}" if part else "" for part in text.split("/"))


@cache
def revalued(text: str) -> str:
    """Another value of the same category: a number as far along its bin, but nearer to the middle; another text."""
    value = read(text)
    if value.number is not None:
        low, high = edges(value.category)
        return repr(low + (high - low) * (0.1 + 0.7 * (value.number - low) / (high - low)))
    return next(each for number in count() if read(each := f"{text} {number}").category == value.category)


def later(access: Access) -> Access:
    """The same access on another day, at another hour."""
    return msgspec.structs.replace(access, time=access.time + LATER * MINUTE)


class Life(msgspec.Struct):
    """What was seen in a site, and what its gateway made of it."""

    accesses: list[Access]
    analyzer: Analyzer
    refused: set[int]
    """When something was refused, event time in ms."""


class Site(msgspec.Struct):
    """What was seen in a site, and what left it."""

    accesses: list[Access]
    sent: dict[str, bytes]
    """By what it is."""
    candidates: Showings
    refused: set[int]


type Leak = Callable[[Access], int]
"""What a defect puts where a count belongs, of the last access."""


@cache
def seen() -> list[Access]:
    """Three hours of a home, the last of them under attack, without the ends of minutes: all can be a moment later."""
    trace = Trace(family_home(), seed=3, start=START, tempo=BRISK)
    for number, attack in enumerate(seven_attacks(family_home(), 5)):
        trace.intrude(attack, START + 120 * MINUTE + number * 7 * MINUTE)
    accesses = (moved(observed.access) for observed in trace.until(START + 180 * MINUTE))
    return [access for access in accesses if access.time % MINUTE + MOMENT < MINUTE]


@cache
def life(change: Callable[[Access], Access] | None = None) -> Life:
    """Have a gateway that enforces see that home, or another one in which each access is changed."""
    accesses = seen() if change is None else [change(access) for access in seen()]
    analyzer, refused = Analyzer(), set()
    for access in accesses:
        analyzer.advance(access.time)
        score = analyzer.score(access)
        if score.av >= BLOCK:
            analyzer.refused(access, score, BLOCK)
            refused.add(access.time)
        else:
            analyzer.learn(access)
    analyzer.advance(accesses[-1].time + MINUTE)
    return Life(accesses, analyzer, refused)


def left(lived: Life, leak: Leak | None = None) -> Site:
    """Return all that leaves a node, a site, and a service above them."""
    accesses, analyzer = lived.accesses, lived.analyzer
    now = accesses[-1].time
    models = deepcopy(dict(analyzer.models()))
    opened = shown_in(analyzer.knowledge.state().open, HERE, now)
    if leak is not None:
        leaked = leak(accesses[speaking()]) % 300  # as small as what is counted there
        for model in models.values():
            for relationship in model.relationships.values():
                relationship.newcomers += leaked
        opened = [msgspec.structs.replace(each, recent=each.recent + leaked) for each in opened]

    sent: dict[str, bytes] = {}
    for model in models.values():
        contribution = Contribution(epoch=EPOCH, sequence=180, model=model)
        sent[f"contribution of {model.service_type}"] = encode_contribution(contribution)
        pool = Pool(model.service_type)
        for origin in (ORIGIN, HOST):
            pool.put(origin, contribution)
        others = pool.without("another")
        sent[f"others of {model.service_type}"] = encode_others(Others(site=others, elsewhere=others))
    instances = {name: analyzer.knowledge.instances(name) for name in models}
    showings = presentable(Showings(instances=instances, open=opened))
    sent["showings"] = told(showings, EPOCH, 181)
    ballot = Ballot()
    for origin in (ORIGIN, HOST):
        ballot.put(origin, showings)
    sent["showings of the site"] = told(ballot.summary(now), EPOCH, 182)
    sent["acceptances"] = msgspec.json.encode([each.acceptance for each in ballot.decide(now, alone=False)])
    return Site(accesses, sent, showings, lived.refused)


@cache
def speaking() -> int:
    """Number of an access that has everything which must not leave."""
    numbers = (number for number, each in enumerate(seen()) if each.source_location and is_number(each.value))
    return list(numbers)[-1]


def is_number(value: str | None) -> bool:
    return value is not None and read(value).number is not None


@cache
def site() -> Site:
    return left(life())


def differing(one: Site, other: Site, minutes: int, moment: int) -> list[str]:
    """Return which messages differ by more than that times are so much later, where times are documented to be."""
    assert one.sent.keys() == other.sent.keys()
    return [
        name
        for name in one.sent
        if _moved(name, one.sent[name], minutes, moment) != _moved(name, other.sent[name], 0, 0)
    ]


def _moved(name: str, data: bytes, minutes: int, moment: int) -> object:
    """Return what a message says, with its times moved; the bytes themselves where there is nothing to be moved."""
    kind, _, service_type = name.partition(" of /")
    if not kind.startswith(("contribution", "others")):
        return _moved_json(msgspec.json.decode(data), minutes * MINUTE + moment)
    service_type = f"/{service_type}"
    until = START // MINUTE + 10 * LATER
    if kind == "contribution":
        contribution = decode_contribution(service_type, data, now_minute=until)
        model = _moved_model(contribution.model, minutes)
        return encode_contribution(msgspec.structs.replace(contribution, model=model))
    others = decode_others(service_type, data, now_minute=until)
    parts = (others.site, others.elsewhere)
    site, elsewhere = (
        each and msgspec.structs.replace(each, model=_moved_model(each.model, minutes)) for each in parts
    )
    return encode_others(Others(site=site, elsewhere=elsewhere))


def _moved_model(model: CommunicationModel, minutes: int) -> CommunicationModel:
    return msgspec.structs.replace(
        model,
        relationships={
            key: msgspec.structs.replace(
                each,
                fast=_moved_feature(each.fast, minutes),
                slow=_moved_feature(each.slow, minutes),
                gaps={index: _moved_feature(gap, minutes) for index, gap in each.gaps.items()},
            )
            for key, each in model.relationships.items()
        },
        partners={partner: _moved_feature(each, minutes) for partner, each in model.partners.items()},
    )


def _moved_feature(of: ClusteringFeature, by: int) -> ClusteringFeature:
    return ClusteringFeature(of.n, of.ls, of.ss, of.t + by * of.n, of.tt + 2 * by * of.t + by * by * of.n)


def _moved_json(content: Any, by: int) -> Any:
    if isinstance(content, dict):
        return {key: each + by if key in TIMES else _moved_json(each, by) for key, each in content.items()}
    return [_moved_json(each, by) for each in content] if isinstance(content, list) else content


def numbers_of(content: Any) -> Iterator[int]:
    """Yield all integers in JSON."""
    if isinstance(content, dict):
        content = [*content, *content.values()]
    if isinstance(content, list):
        for each in content:
            yield from numbers_of(each)
    elif isinstance(content, int):
        yield content


def integers_in(data: bytes) -> set[int]:
    """Return what could be read as an integer, beginning at any byte: of any length, and of four and eight bytes."""
    found = {int(digits) for digits in re.findall(rb"[0-9]{10,13}", data)}
    for start in range(len(data)):
        for form in ("<I", ">I", "<Q", ">Q"):
            if start + struct.calcsize(form) <= len(data):
                found.add(struct.unpack_from(form, data, start)[0])
        try:
            number = Reader(data[start : start + 16]).unsigned()
        except ValueError:
            continue
        found |= {number, number >> 1}
    return found


def varint(value: int) -> bytes:
    out = Writer()
    out.unsigned(value)
    return bytes(out.buffer)


@cache
def secrets() -> dict[str, str]:
    """What must not leave, each with what it is."""
    found = {ORIGIN: "the origin", HOST: "the origin", "xylander": "a room", "zyzzyva": "a name", "wombat": "a value"}
    for access in site().accesses:
        for address in (access.source, access.destination, access.node):
            found[address] = "an address"
            found |= dict.fromkeys(address.split("/"), "part of an address")
        found |= dict.fromkeys((access.source_location or "", access.destination_location or ""), "a room")
        found |= dict.fromkeys(re.split(r"[ ,.]+", access.source_location or ""), "a room")
        found[access.value or ""] = "a value"
    types = "\n".join(
        {
            f"{access.source_type} {access.destination_type} {access.data_type} {access.operation.value}"
            for access in site().accesses
        }
    ).lower()
    return {text.lower(): what for text, what in found.items() if len(text) >= LONG and text.lower() not in types}


def found_in(data: bytes, texts: dict[str, str]) -> list[str]:
    lowered = data.lower()
    return [f"{what}: {text}" for text, what in texts.items() if text.encode() in lowered]


def test_the_site_has_what_to_hide_and_the_bytes_have_what_to_look_through() -> None:
    whats = list(secrets().values())
    assert {what: whats.count(what) > 3 for what in ("an address", "part of an address", "a value")} == {
        "an address": True,
        "part of an address": True,
        "a value": True,
    }
    assert len(site().sent) > 16
    assert sum(map(len, site().sent.values())) > 5000
    shown = {each.candidate.aspect for each in site().candidates.open}
    assert len(shown) >= 2, shown
    assert "/lightControler" in site().sent["contribution of /lightControler"].decode(errors="replace")


def test_a_name_that_slipped_through_would_be_found() -> None:
    text = next(iter(secrets()))
    assert found_in(b"\x00\x08" + text.upper().encode() + b"\x01", secrets())


def test_no_address_room_or_value_leaves() -> None:
    for name, data in site().sent.items():
        assert found_in(data, secrets()) == [], name


def test_a_twin_with_other_names_rooms_values_and_moments_sends_the_same_bytes() -> None:
    """So nothing of these is in the bytes, in whatever form: no number, hash or length that is made of them."""
    twin = left(life(disguised))
    hidden = ("source", "node", "source_location", "value", "time")
    for name in hidden:
        mine, its = ({getattr(access, name) for access in of.accesses} for of in (site(), twin))
        assert len(mine - {None}) > 2, name
        assert not (mine - {None}) & its or name == "time", name
    for name, data in site().sent.items():
        if name.startswith(("contribution", "others")):
            assert twin.sent[name] == data, name
    assert differing(site(), twin, 0, MOMENT) == []


def test_the_same_life_at_another_time_moves_sums_of_minutes_and_the_times_of_candidates_alone() -> None:
    other = left(life(later))
    assert differing(site(), other, LATER, 0) == []
    assert all(site().sent[name] != other.sent[name] for name in site().sent)


@pytest.mark.parametrize(
    ("leak", "change"),
    [
        (lambda access: access.time, disguised),
        (lambda access: access.time % MINUTE, disguised),
        (lambda access: access.time // MINUTE % (24 * 60), later),
        (lambda access: crc32(access.source.encode()) % 100, disguised),
        (lambda access: len(access.node), disguised),
        (lambda access: crc32(access.source_location.encode()) % 100, disguised),
        (lambda access: round(float(access.value) * 1000), disguised),
    ],
    ids=["time", "moment", "minute of the day", "hash of an address", "length of an address", "room", "value"],
)
def test_what_a_defect_gave_away_would_be_found(leak: Leak, change: Callable[[Access], Access]) -> None:
    """Whatever it is: it sits where a count belongs, and is well-formed."""
    by = (LATER, 0) if change is later else (0, MOMENT)
    mine, its = (left(life(each), leak) for each in (None, change))
    found = differing(mine, its, *by)
    assert set(found) == {name for name in mine.sent if name != "acceptances"}


def test_no_integer_at_any_place_of_the_bytes_is_the_time_of_an_access() -> None:
    times = {form for access in site().accesses for form in (access.time, access.time // 1000)}
    for name, data in site().sent.items():
        if name.startswith(("contribution", "others")):
            assert not times & integers_in(data), name
    leaked = site().accesses[77].time
    for form in (varint(leaked), varint(leaked // 1000), varint(2 * leaked), struct.pack(">Q", leaked)):
        assert times & integers_in(b"\x07" + form + b"\x00")


def test_of_times_candidates_tell_the_first_and_the_newest_sighting_alone() -> None:
    for name in ("showings", "showings of the site"):
        content = msgspec.json.decode(site().sent[name])
        times = [number for number in numbers_of(content) if number >= START // 1000]
        expected = [time for each in content["open"] for time in (each["onset"], each["last"])]
        assert sorted(times) == sorted([*expected, EPOCH])
        assert set(expected) <= site().refused
        assert set(content) == {"epoch", "sequence", "instances", "open"}
    accepted = msgspec.json.decode(site().sent["acceptances"])
    assert accepted
    decided = site().accesses[-1].time
    assert {number for number in numbers_of(accepted) if number >= START // 1000} == {decided}


@pytest.mark.parametrize("kind", ["md5", "sha1", "sha256", "blake2b", "blake2s"])
def test_no_hash_of_them_leaves(kind: str) -> None:
    """Who knows a name could look for its hash; half of the first sixteen bytes would be enough."""
    names = set(secrets())
    originals = {each for access in site().accesses[:2000] for each in (access.source, access.node, access.value or "")}
    everything = b"\0".join(site().sent.values())
    for text in (names | originals) - {""}:
        digest = hashlib.new(kind, text.encode(), usedforsecurity=False).digest()
        assert digest[:6] not in everything, text
        assert digest[:6].hex().encode() not in everything, text


def test_candidates_say_no_more_of_rooms_and_values_than_their_kind() -> None:
    for each in site().candidates.open:
        candidate = each.candidate
        kinds = {"location": {"same", "other"}}.get(candidate.aspect)
        if kinds is not None:
            assert candidate.detail in kinds
        elif candidate.aspect in {"value", "text"}:
            assert candidate.detail in {str(read(access.value or "").category) for access in site().accesses}
        else:
            assert candidate.detail == ""
