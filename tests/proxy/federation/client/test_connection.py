"""A client believes nobody but the service that it was enrolled with, and takes nothing that is larger than agreed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from proxy.federation.client import connection as module
from proxy.federation.client.connection import AnswerError, Connection, ServiceError
from proxy.federation.client.credentials import Credentials
from tests.proxy.federation.client.hostile import Handler, Place, origin_of, serving
from tests.waiting import PATIENCE


@asynccontextmanager
async def connected(directory: Path, handler: Handler) -> AsyncIterator[Connection]:
    place = Place(directory / "authority")
    credentials = Credentials.read(place.origin(directory / "origin"))
    async with serving(place.context(), handler) as service:
        connection = Connection(service, credentials.context)
        try:
            yield connection
        finally:
            await connection.close()


async def test_both_sides_show_who_they_are_and_the_answer_comes_whole(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.Response:
        assert request.headers["Accept-Encoding"] == "identity"
        text = f"{origin_of(request)} {request.method} {request.raw_path} {(await request.read()).decode()}"
        return web.Response(text=text, headers={"ETag": '"7"'})

    async with connected(tmp_path, answer) as connection:
        got = await connection.ask("PUT", "/v1/contributions/%2Flamp", body=b"content")
    assert got.body == b"gateway-a PUT /v1/contributions/%2Flamp content"
    assert (got.status, got.media, got.etag) == (200, "text/plain", '"7"')


async def test_a_server_of_another_authority_is_told_nothing(tmp_path: Path) -> None:
    asked = False

    async def answer(_: web.Request) -> web.Response:
        nonlocal asked
        asked = True
        return web.Response()

    stranger = Place(tmp_path / "stranger")
    credentials = Credentials.read(Place(tmp_path / "authority").origin(tmp_path / "origin"))
    async with serving(stranger.context(), answer) as service:
        connection = Connection(service, credentials.context)
        with pytest.raises(ServiceError, match=r"its certificate is not accepted: .*self-signed.*enrol again"):
            await connection.ask("GET", "/v1/models")
        await connection.close()
    assert not asked


async def test_a_server_of_the_authority_under_another_name_is_not_the_service(tmp_path: Path) -> None:
    place = Place(tmp_path / "authority")
    credentials = Credentials.read(place.origin(tmp_path / "origin"))

    async def answer(_: web.Request) -> web.Response:
        return web.Response()

    async with serving(place.context("elsewhere.example"), answer) as service:
        connection = Connection(service, credentials.context)
        with pytest.raises(ServiceError, match=r"certificate is not accepted: .*127\.0\.0\.1"):
            await connection.ask("GET", "/v1/models")
        await connection.close()


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "in chunks without an end"])
async def test_an_answer_that_is_too_large_is_not_read(tmp_path: Path, announced: bool) -> None:
    sent = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        if announced:
            response.content_length = 1 << 40
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65_536)
            sent += 65_536

    async with connected(tmp_path, answer) as connection:
        with pytest.raises(AnswerError, match=r"the answer to /v1/models is larger than 1000 bytes"):
            await connection.ask("GET", "/v1/models", most=1000)
        await asyncio.sleep(0.1)
    assert sent < 64 * 1024 * 1024


async def test_an_answer_that_drips_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.5)

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x")
            await asyncio.sleep(0.05)

    async with connected(tmp_path, answer) as connection:
        began = time.monotonic()
        with pytest.raises(ServiceError, match="no whole answer within"):
            await connection.ask("GET", "/v1/models", most=1 << 20)
    assert time.monotonic() - began < PATIENCE


async def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    paths: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        paths.append(request.path)
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    async with connected(tmp_path, answer) as connection:
        with pytest.raises(ServiceError, match=r"307: the service sends elsewhere, which is not followed"):
            await connection.ask("GET", "/v1/models")
    assert paths == ["/v1/models"]


async def test_nothing_is_unpacked(tmp_path: Path) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})

    async with connected(tmp_path, answer) as connection:
        with pytest.raises(AnswerError, match="packs its answers"):
            await connection.ask("GET", "/v1/models")


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (403, '{"title": "Forbidden", "detail": "revoked"}', "does not admit this origin: revoked -- enrol again"),
        (422, '{"title": "Other schema", "code": "schema"}', "422: Other schema"),
        (500, "<html>", "GET /v1/models: 500"),
        (500, '{"title": "\\u001b[31m"}', "GET /v1/models: 500"),
        (404, '{"title": 7}', "GET /v1/models: 404"),
    ],
)
async def test_a_refusal_is_told_in_the_service_s_words(tmp_path: Path, status: int, body: str, said: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=body)

    async with connected(tmp_path, answer) as connection:
        with pytest.raises(ServiceError, match=said.replace(" -- ", ".*")) as caught:
            await connection.ask("GET", "/v1/models")
    assert caught.value.status == status
    assert "\x1b" not in str(caught.value)


async def test_a_service_that_is_busy_says_when_to_come_back(tmp_path: Path) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "17"})

    async with connected(tmp_path, answer) as connection:
        with pytest.raises(ServiceError) as caught:
            await connection.ask("GET", "/v1/models")
    assert caught.value.retry_after == 17.0


async def test_a_status_that_is_not_expected_here_is_a_refusal(tmp_path: Path) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=409, text="{}")

    async with connected(tmp_path, answer) as connection:
        assert (await connection.ask("PUT", "/v1/candidates", expected=frozenset({204, 409}))).status == 409
        with pytest.raises(ServiceError):
            await connection.ask("PUT", "/v1/candidates")


async def test_a_service_that_is_away_is_told_and_asked_again_later(tmp_path: Path) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="back")

    async with connected(tmp_path, answer) as connection:
        there, connection.service = connection.service, "https://127.0.0.1:9"
        with pytest.raises(ServiceError, match=r"https://127\.0\.0\.1:9: .*(refused|Connect)"):
            await connection.ask("GET", "/")
        connection.service = there
        assert (await connection.ask("GET", "/")).body == b"back"


async def test_garbage_in_the_place_of_http_is_told(tmp_path: Path) -> None:
    place = Place(tmp_path / "authority")
    credentials = Credentials.read(place.origin(tmp_path / "origin"))

    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"\x00\xff" * 5000)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(garbage, "127.0.0.1", 0, ssl=place.context())
    connection = Connection(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}", credentials.context)
    with pytest.raises(ServiceError) as caught:
        await connection.ask("GET", "/v1/models")
    assert len(str(caught.value)) < 400
    await connection.close()
    server.close()


async def test_without_a_certificate_nobody_is_asked() -> None:
    with pytest.raises(ServiceError, match="there is no certificate to show yet"):
        await Connection("https://127.0.0.1:9").ask("GET", "/")
