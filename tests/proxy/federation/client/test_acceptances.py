"""What others accepted is handed on at once, and once; what is none is not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from models.candidates import Candidate
from models.exchange.showings import Acceptance
from models.relationship import Key
from proxy.federation.client.acceptances import AcceptanceReader
from proxy.federation.client.connection import AnswerError, ServiceError
from proxy.federation.messages import Acceptances
from tests.proxy.federation.client.origin import Origin, bench

KEY = Key("/cloud", own=False, operation="set", data_type="/basic/text")
ACCEPTED = Acceptance(candidate=Candidate("/lamp", "relationship", KEY), time=1_760_000_000_000)


async def test_what_is_told_is_handed_on_and_asked_for_from_there_on(tmp_path: Path) -> None:
    asked: list[str] = []
    waits: list[int] = []
    answers = [Acceptances(cursor="a b", accepted=[ACCEPTED]), Acceptances(cursor="a b", accepted=[])]

    async def service(request: web.Request) -> web.Response:
        asked.append(request.query.get("after", "nothing"))
        waits.append(int(request.query["wait"]))
        return web.Response(body=msgspec.json.encode(answers.pop(0)), content_type="application/json")

    async with bench(tmp_path, service) as parts:
        reader = AcceptanceReader(parts.origin, parts.disk, parts.connection)
        await reader.read()
        await reader.read()
        assert asked == ["nothing", "a b"]
        assert waits == [0, 50], "the first answer tells that all is well"
        assert parts.origin.accepted == [ACCEPTED]
        assert reader.taken == 1
        await AcceptanceReader(parts.origin, parts.disk, parts.connection).begin()
        assert parts.origin.accepted == [ACCEPTED, ACCEPTED], "told again after a restart"


async def test_what_is_withdrawn_is_handed_on_now_and_after_a_restart(tmp_path: Path) -> None:
    gone = ACCEPTED.candidate
    answers = [
        Acceptances(cursor="a", accepted=[ACCEPTED]),
        Acceptances(cursor="b", accepted=[], withdrawn=[gone]),
        Acceptances(cursor="c", accepted=[ACCEPTED]),
    ]

    async def service(_: web.Request) -> web.Response:
        return web.Response(body=msgspec.json.encode(answers.pop(0)))

    async with bench(tmp_path, service) as parts:
        reader = AcceptanceReader(parts.origin, parts.disk, parts.connection)
        await reader.read()
        await reader.read()
        assert parts.origin.withdrawn == [gone]
        parts.origin.accepted.clear()
        # Whoever stored the acceptance and not yet its end hears of that.
        await AcceptanceReader(parts.origin, parts.disk, parts.connection).begin()
        assert (parts.origin.accepted, parts.origin.withdrawn) == ([], [gone, gone])
        await reader.read()
        assert parts.origin.accepted == [ACCEPTED], "accepted again"
        await AcceptanceReader(parts.origin, parts.disk, parts.connection).begin()
        assert (parts.origin.accepted, parts.origin.withdrawn) == ([ACCEPTED, ACCEPTED], [gone, gone])


async def test_thousands_at_once_are_handed_on_in_steps_with_pauses_between_them(tmp_path: Path) -> None:
    """Each step takes the workers' time between two calls: a hostile service must not hold them up."""
    key = Key("/cloud", own=False, operation="set", data_type="")
    many = [
        Acceptance(candidate=Candidate("/lamp", "relationship", key._replace(partner=f"/made{number}up")), time=1)
        for number in range(1000)
    ]

    async def service(_: web.Request) -> web.Response:
        return web.Response(body=msgspec.json.encode(Acceptances(cursor="a", accepted=many)))

    async with bench(tmp_path, service) as parts:
        steps: list[int] = []
        turns: list[int] = []

        class Sink(Origin):
            def accept(self, acceptances: Sequence[Acceptance]) -> None:
                super().accept(acceptances)
                steps.append(len(acceptances))
                asyncio.get_running_loop().call_soon(turns.append, len(steps))

        sink = Sink(parts.origin.directory)
        await AcceptanceReader(sink, parts.disk, parts.connection).read()
        assert sink.accepted == many
        assert max(steps) <= 64
        assert turns == list(range(1, len(steps) + 1)), "others have their turn after each step"
        sink.accepted.clear()
        await AcceptanceReader(sink, parts.disk, parts.connection).begin()
        assert sink.accepted == many
        assert max(steps) <= 64


async def test_a_service_with_another_database_tells_everything_again(tmp_path: Path) -> None:
    asked: list[str] = []

    async def service(request: web.Request) -> web.Response:
        asked.append(request.query.get("after", ""))
        if len(asked) == 2:
            return web.json_response({"detail": "after: unknown"}, status=400)
        return web.Response(body=msgspec.json.encode(Acceptances(cursor="a", accepted=[ACCEPTED])))

    async with bench(tmp_path, service) as parts:
        reader = AcceptanceReader(parts.origin, parts.disk, parts.connection)
        await reader.read()
        with pytest.raises(ServiceError, match="after: unknown"):
            await reader.read()
        await reader.read()
    assert asked == ["", "a", ""]


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b'{"cursor": "a"}',
        msgspec.json.encode(Acceptances(cursor="x" * 5000, accepted=[])),
        msgspec.json.encode(
            Acceptances(cursor="a", accepted=[Acceptance(candidate=Candidate("/a b", "relationship", KEY), time=1)])
        ),
        msgspec.json.encode(
            Acceptances(cursor="a", accepted=[Acceptance(candidate=Candidate("/lamp", "nothing", KEY), time=1)])
        ),
        msgspec.json.encode(Acceptances(cursor="a", accepted=[Acceptance(candidate=ACCEPTED.candidate, time=-1)])),
        msgspec.json.encode(Acceptances(cursor="a", accepted=[], withdrawn=[Candidate("/lamp", "nothing", KEY)])),
    ],
    ids=["no JSON", "half", "a cursor without end", "no type", "no term", "no time", "withdrawn without a term"],
)
async def test_what_is_none_is_not_handed_on(tmp_path: Path, body: bytes) -> None:
    async def service(_: web.Request) -> web.Response:
        return web.Response(body=body)

    async with bench(tmp_path, service) as parts:
        reader = AcceptanceReader(parts.origin, parts.disk, parts.connection)
        with pytest.raises(AnswerError):
            await reader.read()
        assert parts.origin.accepted == []
