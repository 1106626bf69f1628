"""A site with peculiar names and values, under attack: none of them is in the bytes that leave it."""

from __future__ import annotations

import hashlib
import re
from functools import cache

import msgspec
import pytest

from models.access import Access
from models.analyzer import Analyzer
from models.contributions import Contribution
from models.descriptor import MINUTE
from models.exchange.envelope import encode_contribution, encode_others
from models.exchange.pool import Pool
from models.exchange.shared import Others
from models.exchange.showings import Showings
from models.exchange.vouching import Ballot
from models.knowledge import HERE
from models.simulation.attacks import seven_attacks
from models.simulation.floorplan import family_home
from models.simulation.tempo import BRISK
from models.simulation.trace import Trace
from models.values import read
from tests.models.accesses import START
from tests.models.exchange.observed import shown_in

BLOCK = 7.0
ORIGIN = "quetzal-tower"
HOST = "gw7.quetzal.example"
LONG = 4
"""Characters from which on a name or value in bytes is none by chance."""


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


class Site(msgspec.Struct):
    """What was seen in a site, and what left it."""

    accesses: list[Access]
    sent: dict[str, bytes]
    """By what it is."""
    candidates: Showings


@cache
def site() -> Site:
    """Three hours of a home, the last of them under attack, learnt by a gateway that enforces."""
    trace = Trace(family_home(), seed=3, start=START, tempo=BRISK)
    for number, attack in enumerate(seven_attacks(family_home(), 5)):
        trace.intrude(attack, START + 120 * MINUTE + number * 7 * MINUTE)
    accesses = [moved(observed.access) for observed in trace.until(START + 180 * MINUTE)]
    analyzer = Analyzer()
    for access in accesses:
        analyzer.advance(access.time)
        score = analyzer.score(access)
        if score.av >= BLOCK:
            analyzer.refused(access, score, BLOCK)
        else:
            analyzer.learn(access)
    analyzer.advance(accesses[-1].time + MINUTE)
    now = accesses[-1].time

    sent: dict[str, bytes] = {}
    for model in analyzer.models().values():
        contribution = Contribution(epoch=START, sequence=180, model=model)
        sent[f"contribution of {model.service_type}"] = encode_contribution(contribution)
        pool = Pool(model.service_type)
        for origin in (ORIGIN, HOST):
            pool.put(origin, contribution)
        told = pool.without("another")
        sent[f"others of {model.service_type}"] = encode_others(Others(site=told, elsewhere=told))
    instances = {name: analyzer.knowledge.instances(name) for name in analyzer.models()}
    showings = Showings(instances=instances, open=shown_in(analyzer.knowledge.state().open, HERE, now))
    sent["showings"] = msgspec.json.encode(showings)
    ballot = Ballot()
    for origin in (ORIGIN, HOST):
        ballot.put(origin, showings)
    sent["showings of the site"] = msgspec.json.encode(ballot.summary(now))
    sent["acceptances"] = msgspec.json.encode(ballot.decide(now, alone=False))
    return Site(accesses, sent, showings)


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
        found[f"{access.time}"] = "the time of an access"
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


def test_no_address_room_value_or_time_of_an_access_leaves() -> None:
    times = {"the time of an access"}
    contents = {text: what for text, what in secrets().items() if what not in times}
    for name, data in site().sent.items():
        assert found_in(data, contents) == [], name
    for name, data in site().sent.items():
        if name.startswith(("contribution", "others")):
            assert found_in(data, secrets()) == [], name


@pytest.mark.parametrize("kind", ["md5", "sha1", "sha256", "blake2b", "blake2s"])
def test_no_hash_of_them_leaves(kind: str) -> None:
    """Who knows a name could look for its hash; half of the first sixteen bytes would be enough."""
    names = {text for text, what in secrets().items() if what != "the time of an access"}
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
