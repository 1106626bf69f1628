"""What an origin tells: what changed, once; whatever a service answers, the rest goes on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

import msgspec
import pytest
from aiohttp import web

from models.candidates import Candidate
from models.contributions import Contribution
from models.exchange.envelope import decode_contribution
from models.exchange.showings import Showing, Showings
from models.relationship import Key
from proxy.clocks import real_now
from proxy.federation.client import pace
from proxy.federation.client import publisher as module
from proxy.federation.client.connection import ServiceError
from proxy.federation.client.outbox import Outbox
from proxy.federation.client.publisher import Publisher
from proxy.federation.messages import CONTRIBUTION, Candidates
from tests.proxy.federation.client.origin import Bench, bench
from tests.waiting import until

LAMP, DOOR = "/lamp", "/door"


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "LEAST_SECONDS", 0.02)
    monkeypatch.setattr(pace, "_LOOK_SECONDS", 0.02)


@dataclass
class Service:
    """Takes everything, but for what a test has it refuse."""

    taken: list[Contribution] = field(default_factory=list)
    told: list[Candidates] = field(default_factory=list)
    refusals: dict[str, tuple[int, object]] = field(default_factory=dict)
    """By service type, or `showings`: status and body."""

    async def __call__(self, request: web.Request) -> web.Response:
        body = await request.read()
        name = unquote(request.raw_path.rpartition("/")[2])
        if name == "candidates":
            if "showings" in self.refusals:
                status, problem = self.refusals["showings"]
                return web.json_response(problem, status=status)
            self.told.append(msgspec.json.decode(body, type=Candidates))
            return web.Response(status=204)
        assert request.raw_path.startswith("/v1/contributions/%2F")
        assert request.content_type == CONTRIBUTION
        if name in self.refusals:
            status, problem = self.refusals[name]
            return web.Response(status=status, text=problem if isinstance(problem, str) else json.dumps(problem))
        minute = int(real_now()) // 60 + 1000
        self.taken.append(decode_contribution(name, body, now_minute=minute))
        return web.Response(status=204)

    def stamps(self) -> list[tuple[str, int]]:
        return [(each.model.service_type, each.sequence) for each in self.taken]


@asynccontextmanager
async def publishing(directory: Path, service: Service) -> AsyncIterator[tuple[Bench, Publisher]]:
    async with bench(directory, service) as parts:
        yield parts, Publisher(parts.origin, parts.disk, parts.connection, real_now)


async def test_what_changed_is_told_and_nothing_else(tmp_path: Path) -> None:
    service = Service()
    async with publishing(tmp_path, service) as (parts, publisher):
        parts.origin.learn(5, LAMP)
        parts.origin.learn(3, DOOR)
        await publisher.publish()
        await publisher.publish()
        assert service.stamps() == [(LAMP, 1), (DOOR, 2)]
        assert service.taken[0].model == parts.origin.models[LAMP]
        parts.origin.learn(1, DOOR)
        await publisher.publish()
        assert service.stamps()[2:] == [(DOOR, 3)]
        assert len({each.epoch for each in service.taken}) == 1
        assert publisher.contributions == 3


async def test_a_stamp_is_on_disk_before_it_leaves(tmp_path: Path) -> None:
    seen: list[int] = []

    async def service(request: web.Request) -> web.Response:
        contribution = decode_contribution(LAMP, await request.read(), now_minute=int(real_now()) // 60 + 1000)
        held = await parts.disk.run(lambda database: Outbox(database).sequence)
        seen.append(held - contribution.sequence)
        return web.Response(status=204)

    async with bench(tmp_path, service) as parts:
        publisher = Publisher(parts.origin, parts.disk, parts.connection, real_now)
        for _ in range(3):
            parts.origin.learn(1, LAMP)
            await publisher.publish()
    assert seen == [0, 0, 0]


async def test_who_was_not_reached_gets_the_newest_state_once(tmp_path: Path) -> None:
    service = Service(refusals={LAMP: (503, "")})
    async with publishing(tmp_path, service) as (parts, publisher):
        for _ in range(3):
            parts.origin.learn(5, LAMP)
            with pytest.raises(ServiceError, match="503"):
                await publisher.publish()
            await asyncio.sleep(0.3)
        service.refusals.clear()
        await publisher.publish()
    (taken,) = service.taken
    assert taken.model == parts.origin.models[LAMP]


@pytest.mark.parametrize(
    ("status", "problem"),
    [(400, {"code": "feature", "title": "Bad feature"}), (413, ""), (415, ""), (422, {"code": "full"}), (507, "")],
)
async def test_a_model_that_is_refused_keeps_no_other_from_being_told(
    tmp_path: Path, status: int, problem: object
) -> None:
    service = Service(refusals={LAMP: (status, problem)})
    async with publishing(tmp_path, service) as (parts, publisher):
        parts.origin.learn(5, LAMP)
        parts.origin.learn(5, DOOR)
        await publisher.publish()
        assert service.stamps() == [(DOOR, 2)]
        assert str(status) in publisher.refused["model:/lamp"]
        service.refusals.clear()
        await publisher.publish()
        assert service.stamps() == [(DOOR, 2)], "it was refused as it is"
        parts.origin.learn(1, LAMP)
        await publisher.publish()
        assert service.stamps() == [(DOOR, 2), (LAMP, 3)]
        assert publisher.refused == {}


async def test_a_service_of_another_schema_is_waited_for(tmp_path: Path) -> None:
    service = Service(refusals={LAMP: (422, {"code": "schema", "title": "Other schema"})})
    async with publishing(tmp_path, service) as (parts, publisher):
        parts.origin.learn(5, LAMP)
        with pytest.raises(ServiceError, match="Other schema"):
            await publisher.publish()
        service.refusals.clear()
        await publisher.publish()
    assert service.stamps() == [(LAMP, 1)]


async def test_a_newer_state_at_the_service_begins_a_new_epoch_with_the_present_state(tmp_path: Path) -> None:
    held = int(real_now() * 1000) + 50_000
    service = Service(refusals={LAMP: (409, {"code": "stale", "epoch": held, "sequence": 77})})
    async with publishing(tmp_path, service) as (parts, publisher):
        parts.origin.learn(5, LAMP)
        parts.origin.learn(5, DOOR)
        with pytest.raises(ServiceError, match=r"epoch \d+, sequence 77, newer than .*backup was restored"):
            await publisher.publish()
        service.refusals.clear()
        await publisher.publish()
    assert {each.epoch for each in service.taken} == {held + 1}
    assert service.stamps() == [(LAMP, 1), (DOOR, 2)]


@pytest.mark.parametrize(
    "problem", ["<html>", "{}", '{"epoch": "x"}', '{"epoch": 9007199254740991, "sequence": 1}', '{"epoch": -1}']
)
async def test_what_the_service_says_that_it_holds_is_not_believed_blindly(tmp_path: Path, problem: str) -> None:
    service = Service(refusals={LAMP: (409, problem)})
    async with publishing(tmp_path, service) as (parts, publisher):
        parts.origin.learn(5, LAMP)
        with pytest.raises(ServiceError, match="does not say"):
            await publisher.publish()
        assert await parts.disk.run(lambda database: Outbox(database).epochs) == 1


async def test_a_type_whose_name_says_more_than_a_type_stays_here(tmp_path: Path) -> None:
    service = Service()
    async with publishing(tmp_path, service) as (parts, publisher):
        parts.origin.learn(5, "/agent1/lamp")
        parts.origin.learn(5, DOOR)
        await publisher.publish()
        assert service.stamps() == [(DOOR, 2)]
        assert "is not told to others" in publisher.refused["model:/agent1/lamp"]


def showing(now: int, recent: int = 1) -> Showing:
    key = Key("/cloud", own=False, operation="set", data_type="/basic/text")
    candidate = Candidate(LAMP, "relationship", key)
    return Showing(candidate=candidate, recent=recent, persistent=0, onset=1_700_000_000_000, last=now)


async def test_candidates_are_told_at_once_and_calmly_while_nothing_but_time_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.01)
    service = Service()
    async with publishing(tmp_path, service) as (parts, publisher):
        origin = parts.origin
        now = origin.now()
        await publisher.show()
        assert [each.open for each in service.told] == [[]]
        origin.shown = Showings(instances={LAMP: 2}, open=[showing(now)])
        await publisher.show()
        assert service.told[-1].open == [showing(now)]
        for later in range(5):
            origin.shown = Showings(instances={LAMP: 2}, open=[showing(now + later)])
            await publisher.show()
        assert len(service.told) == 2, "it was only seen again"
        origin.shown = Showings(instances={LAMP: 2}, open=[showing(now + 9, recent=2)])
        await publisher.show()
        assert service.told[-1].open == [showing(now + 9, recent=2)]
        monkeypatch.setattr(module, "_CALM_SECONDS", 0.0)
        origin.shown = Showings(instances={LAMP: 2}, open=[showing(now + 10, recent=2)])
        await publisher.show()
        assert service.told[-1].open[0].last == now + 10
        assert [each.sequence for each in service.told] == [1, 2, 3, 4]


async def test_candidates_that_were_not_taken_are_told_when_the_service_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.01)
    service = Service(refusals={"showings": (503, {})})
    async with publishing(tmp_path, service) as (parts, publisher):
        parts.origin.shown = Showings(instances={LAMP: 2}, open=[showing(parts.origin.now())])
        for _ in range(2):
            with pytest.raises(ServiceError, match="503"):
                await publisher.show()
        service.refusals.clear()
        await publisher.show()
        await publisher.show()
        assert [len(each.open) for each in service.told] == [1]
        await until(lambda: publisher.showings == 1)
