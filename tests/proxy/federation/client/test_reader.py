"""What others know is adopted once it has been checked; what is hostile leaves the last good model in force."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

import msgspec
import pytest
from aiohttp import web

from models.allowance import OF_ONE
from models.communication_model import CommunicationModel
from models.exchange.envelope import MAX_OTHERS_BYTES, encode_others
from models.exchange.shared import Others, Shared
from models.knowledge import MAX_MODELS
from models.relationship import Key
from proxy.clocks import real_now
from proxy.federation.client import pace
from proxy.federation.client import reader as module
from proxy.federation.client.connection import AnswerError, ServiceError
from proxy.federation.client.outbox import Outbox
from proxy.federation.client.reader import ModelReader
from proxy.federation.client.versions import Versions
from proxy.federation.messages import OTHERS, ModelEntry, ModelList
from proxy.federation.topics import MODEL
from tests.proxy.federation.client.origin import Bench, bench
from tests.proxy.federation.service.learnt import learnt

LAMP, DOOR = "/lamp", "/door"


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "LEAST_SECONDS", 0.02)
    monkeypatch.setattr(pace, "_LOOK_SECONDS", 0.02)
    monkeypatch.setattr(module, "LEAST_SECONDS", 0.02)
    monkeypatch.setattr(module, "_PAUSE_SECONDS", 0.0)


def others(weight: int, service_type: str = LAMP, version: str = "") -> Others:
    model = learnt(service_type, weight=weight).model
    supporters = dict.fromkeys(model.relationships, 2)
    shared = Shared(version=version or f"{weight:032x}"[::-1], origins=2, supporters=supporters, model=model)
    return Others(elsewhere=shared)


@dataclass
class Service:
    """Tells what a test has it tell."""

    bodies: dict[str, bytes] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    media: str = OTHERS
    status: int = 200
    asked: list[str] = field(default_factory=list)
    listing: bytes | None = None

    def tell(self, told: Others, service_type: str = LAMP) -> None:
        assert told.elsewhere is not None
        self.bodies[service_type] = encode_others(told)
        self.versions[service_type] = told.elsewhere.version

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        name = unquote(request.raw_path.partition("?")[0].removeprefix("/v1/models").removeprefix("/"))
        known = request.headers.get("If-None-Match")
        if not name:
            entries = [
                ModelEntry(service_type=each, version=version, origins=2, weight=1)
                for each, version in self.versions.items()
            ]
            etag = f'"{hash(tuple(self.versions.items())):x}"'
            if known == etag and self.listing is None:
                await asyncio.sleep(0.05)
                return web.Response(status=304, headers={"ETag": etag})
            body = msgspec.json.encode(ModelList(models=entries)) if self.listing is None else self.listing
            return web.Response(body=body, content_type="application/json", headers={"ETag": etag})
        self.asked.append(name)
        if self.status != 200:
            return web.Response(status=self.status)
        etag = f'"{self.versions[name]}"'
        if known == etag:
            return web.Response(status=304, headers={"ETag": etag})
        return web.Response(body=self.bodies[name], content_type=self.media, headers={"ETag": etag})


@asynccontextmanager
async def reading(directory: Path, service: Service) -> AsyncIterator[tuple[Bench, ModelReader]]:
    async with bench(directory, service) as parts:
        yield parts, ModelReader(parts.origin, parts.origin, parts.disk, parts.connection, real_now)


def in_force(parts: Bench, service_type: str = LAMP) -> CommunicationModel | None:
    return parts.origin.elsewhere(service_type)


async def test_what_is_new_is_adopted_and_what_is_not_is_not_asked_for(tmp_path: Path) -> None:
    service = Service()
    service.tell(others(5))
    service.tell(others(3, DOOR), DOOR)
    async with reading(tmp_path, service) as (parts, reader):
        await reader.read()
        assert in_force(parts) == others(5).elsewhere.model  # type: ignore[union-attr]  # given above
        await reader.read()
        service.tell(others(6))
        await reader.read()
        assert service.asked == [LAMP, DOOR, LAMP]
        assert reader.in_force[LAMP].weight == 6
        assert reader.in_force[DOOR].sites == 2
        assert parts.origin.words == 3
        assert reader.heard > 0
        kept = await parts.disk.run(lambda database: Versions(database).kept(LAMP))
        assert [(each.weight, each.in_force) for each in kept] == [(6, True), (5, False)]


def too_large() -> bytes:
    return b"x" * (MAX_OTHERS_BYTES + 1)


def of_another_schema() -> bytes:
    body = encode_others(others(9))
    return bytes(8) + body[8:]


def of_another_type() -> bytes:
    return encode_others(others(9, DOOR))


HOSTILE = [
    (too_large, "is larger than"),
    (of_another_schema, r"is not adopted \(schema\)"),
    (of_another_type, r"is not adopted \(type\)"),
    (lambda: b"", "is not adopted"),
    (lambda: b"\xff" * 1000, "is not adopted"),
    (lambda: encode_others(others(9))[:-1], r"is not adopted \(malformed\)"),
]


@pytest.mark.parametrize(("body", "said"), HOSTILE, ids=["large", "schema", "type", "nothing", "garbage", "half"])
async def test_what_cannot_be_adopted_leaves_the_last_good_model_in_force(
    tmp_path: Path, body: Callable[[], bytes], said: str
) -> None:
    service = Service()
    service.tell(others(5))
    async with reading(tmp_path, service) as (parts, reader):
        await reader.read()
        good = in_force(parts)
        service.tell(others(9))
        service.tell(others(3, DOOR), DOOR)
        service.bodies[LAMP] = body()
        await reader.read()
        assert in_force(parts) == good
        assert in_force(parts, DOOR) is not None, "others are adopted all the same"
        assert list(reader.refused) == [LAMP]
        assert re.search(said, reader.refused[LAMP])
        await reader.read()
        assert service.asked.count(LAMP) == 2, "it is not asked for again as long as it is the same"
        service.tell(others(10))
        await reader.read()
        assert in_force(parts) != good
        assert reader.refused == {}


async def test_what_could_not_be_adopted_is_asked_for_again_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_RETRY_SECONDS", 0.0)
    service = Service()
    service.tell(others(5))
    good, service.bodies[LAMP] = service.bodies[LAMP], b"garbage"
    async with reading(tmp_path, service) as (parts, reader):
        await reader.read()
        assert in_force(parts) is None
        service.bodies[LAMP] = good
        await reader.read()
        assert in_force(parts) is not None


async def test_another_media_type_is_not_read(tmp_path: Path) -> None:
    service = Service(media="text/html")
    service.tell(others(5))
    async with reading(tmp_path, service) as (parts, reader):
        await reader.read()
        assert in_force(parts) is None
        assert "media type 'text/html'" in reader.refused[LAMP]


@pytest.mark.parametrize(
    "listing",
    [
        b"<html>",
        b'{"models": [{"service_type": "/lamp"}]}',
        b'{"models": [{"service_type": "/agent1/x", "version": "a", "origins": 1, "weight": 1}]}',
        b'{"models": [{"service_type": "/lamp", "version": "", "origins": 1, "weight": 1}]}',
        b'{"models": [%s]}' % b", ".join([b'{"service_type": "/lamp", "version": "a", "origins": 1, "weight": 1}'] * 2),
        b" " * (3 * 1024 * 1024),
    ],
    ids=["no JSON", "half", "no type", "no version", "twice", "too large"],
)
async def test_a_broken_list_changes_nothing(tmp_path: Path, listing: bytes) -> None:
    service = Service()
    service.tell(others(5))
    async with reading(tmp_path, service) as (parts, reader):
        await reader.read()
        good, words = in_force(parts), parts.origin.words
        service.listing = listing
        with pytest.raises(AnswerError):
            await reader.read()
        assert in_force(parts) == good
        assert parts.origin.words == words, "that was no word"
        service.listing = None
        await reader.read()
        assert in_force(parts) == good


async def test_a_service_that_fails_in_the_middle_is_asked_again_for_the_rest(tmp_path: Path) -> None:
    service = Service(status=503)
    service.tell(others(5))
    async with reading(tmp_path, service) as (parts, reader):
        with pytest.raises(ServiceError, match="503"):
            await reader.read()
        service.status = 200
        await reader.read()
        assert in_force(parts) is not None


@dataclass
class Clock:
    """Real time that a test sets."""

    time: float = field(default_factory=real_now)

    def __call__(self) -> float:
        return self.time


async def test_what_the_others_have_no_more_is_forgotten_after_a_day_and_a_pinned_version_is_not(
    tmp_path: Path,
) -> None:
    service, clock = Service(), Clock()
    service.tell(others(5))
    service.tell(others(3, DOOR), DOOR)
    async with bench(tmp_path, service) as parts:
        reader = ModelReader(parts.origin, parts.origin, parts.disk, parts.connection, clock)
        await reader.read()
        await parts.disk.run(lambda database: Versions(database).pin(DOOR, "#2", "root", 1.0))
        service.versions.clear()
        await reader.read()
        clock.time += module.GRACE / 2
        again = ModelReader(parts.origin, parts.origin, parts.disk, parts.connection, clock)
        for each in (reader, again):
            await each.begin()
            await each.read()
            assert in_force(parts) is not None, "the service may have lost its disk"
            assert sorted(each.in_force) == [DOOR, LAMP]
        clock.time += module.GRACE / 2 + 1
        await again.read()
        assert parts.origin.told[LAMP] is None
        assert in_force(parts, DOOR) is not None
        assert list(again.in_force) == [DOOR]
        assert again.in_force[DOOR].newest == ""
        again = ModelReader(parts.origin, parts.origin, parts.disk, parts.connection, clock)
        parts.origin.told.clear()
        await again.begin()
        assert list(parts.origin.told) == [DOOR]


async def test_a_service_that_was_lost_takes_nothing_away_and_is_told_everything_again(tmp_path: Path) -> None:
    service = Service()
    service.tell(others(5))
    async with reading(tmp_path, service) as (parts, reader):
        await reader.read()

        def told(database: sqlite3.Connection) -> int:
            outbox = Outbox(database)
            for topic in (MODEL + LAMP, MODEL + DOOR):
                outbox.put(topic, b"digest", lambda *_: b"body")
            for each in outbox.waiting(1.0, MODEL, 0, 9):
                outbox.taken(each, real_now())
            return outbox.unsent()

        assert await parts.disk.run(told) == 0
        good = in_force(parts)
        service.versions.clear()
        await reader.read()
        assert in_force(parts) == good
        assert await parts.disk.run(lambda database: Outbox(database).unsent()) == 2
        service.tell(others(6))
        await reader.read()
        assert reader.in_force[LAMP].weight == 6, "it goes on once the others told it again"


async def test_a_pin_that_goes_with_a_version_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    service = Service()
    service.tell(others(5))
    async with bench(tmp_path, service) as parts:
        reader = ModelReader(parts.origin, parts.origin, parts.disk, parts.connection, real_now)
        await reader.read()

        def damage(database: sqlite3.Connection) -> str:
            name = Versions(database).pin(LAMP, "1", "root", 1.0)
            database.execute("UPDATE version SET body = x'00'")
            return name

        name = await parts.disk.run(damage)
        again = ModelReader(parts.origin, parts.origin, parts.disk, parts.connection, real_now)
        await again.begin()
        assert parts.origin.lost == {LAMP: name}
        await again.read()
        assert not again.in_force[LAMP].pinned


async def test_newer_versions_of_a_pinned_type_are_kept_but_not_adopted(tmp_path: Path) -> None:
    service = Service()
    service.tell(others(5))
    async with reading(tmp_path, service) as (parts, reader):
        await reader.read()
        good = in_force(parts)
        await parts.disk.run(lambda database: Versions(database).pin(LAMP, "#1", "root", 1.0))
        service.tell(others(6))
        await reader.read()
        assert in_force(parts) == good
        assert (reader.in_force[LAMP].weight, reader.in_force[LAMP].pinned) == (5, True)
        assert len(await parts.disk.run(lambda database: Versions(database).kept(LAMP))) == 2


async def test_of_more_types_than_there_is_room_for_the_own_and_those_of_most_sites_are_adopted(tmp_path: Path) -> None:
    service = Service()
    body = encode_others(others(5))
    entries = [
        ModelEntry(service_type=f"/type{number}", version="a", origins=number, weight=1_000_000 - number)
        for number in range(MAX_MODELS + 10)
    ]
    service.listing = msgspec.json.encode(ModelList(models=entries))
    service.bodies = {each.service_type: body for each in entries}
    service.versions = {each.service_type: "a" for each in entries}
    async with reading(tmp_path, service) as (parts, reader):
        parts.origin.learn(1, "/type3")
        await reader.read()
    assert len(service.asked) == MAX_MODELS
    assert service.asked[:2] == ["/type3", f"/type{MAX_MODELS + 9}"]
    assert "/type4" not in service.asked


def many(relationships: int) -> Others:
    """What a hostile service tells of a type."""
    model = learnt(LAMP, weight=5).model
    (one, *_) = model.relationships.values()
    keys = [Key(f"/partner{number}", own=False, operation="get", data_type="") for number in range(relationships)]
    model = msgspec.structs.replace(model, relationships=dict.fromkeys(keys, one))
    return Others(elsewhere=Shared(version="a1", origins=2, supporters=dict.fromkeys(keys, 1), model=model))


async def test_of_a_model_without_end_a_bounded_part_is_adopted_now_and_after_a_restart(tmp_path: Path) -> None:
    service = Service()
    service.tell(many(3000))
    async with reading(tmp_path, service) as (parts, reader):
        await reader.read()
        adopted = in_force(parts)
        assert adopted is not None
        assert len(adopted.relationships) == OF_ONE.relationships
        assert re.fullmatch(r"256 of 3000 relationships are used: those that most sites show", reader.cut[LAMP])
        parts.origin.told.clear()
        again = ModelReader(parts.origin, parts.origin, parts.disk, parts.connection, real_now)
        await again.begin()
        assert in_force(parts) == adopted
        assert list(again.cut) == [LAMP]
        service.tell(others(6))
        await reader.read()
        assert reader.cut == {}


async def test_what_begins_to_live_here_is_adopted_though_the_service_has_nothing_new(tmp_path: Path) -> None:
    service = Service()
    service.tell(others(5))
    async with reading(tmp_path, service) as (parts, reader):
        await reader.read()
        parts.origin.told.clear()
        await reader.read()
        assert parts.origin.told == {}
        parts.origin.learn(1, LAMP)
        await reader.read()
        assert in_force(parts) is not None
        assert service.asked == [LAMP], "it was kept"
