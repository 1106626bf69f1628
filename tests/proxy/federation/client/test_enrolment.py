"""A certificate is got with a token, from the service that the token is for and no other, and renewed with itself."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from proxy.federation.client.connection import Connection, ServiceError
from proxy.federation.client.credentials import AUTHORITY, CERTIFICATE, KEY, Credentials
from proxy.federation.client.database import Disk
from proxy.federation.client.enrolment import enrol, renew
from proxy.federation.invitation import Invitation
from proxy.federation.messages import Enrolment, EnrolmentRequest
from tests.proxy.federation.client.hostile import Handler, Place, origin_of, serving


def issuing(place: Place, seen: list[tuple[EnrolmentRequest, str | None]]) -> Handler:
    """Answer as a service does."""

    async def answer(request: web.Request) -> web.Response:
        assert (request.method, request.path) == ("POST", "/v1/enrolments")
        wanted = msgspec.json.decode(await request.read(), type=EnrolmentRequest)
        seen.append((wanted, origin_of(request)))
        name = Invitation.parse(wanted.token).name if wanted.token is not None else origin_of(request) or ""
        issued = place.renewed(wanted.request, name)
        made = Enrolment(
            origin=name,
            role="origin",
            certificate=issued.pem,
            authority=place.authority.pem,
            not_after=issued.not_after,
        )
        return web.Response(status=201, body=msgspec.json.encode(made), content_type="application/json")

    return answer


async def test_a_token_becomes_a_certificate_whose_key_never_left(tmp_path: Path) -> None:
    place = Place(tmp_path / "authority")
    invitation = Invitation.new("gateway-a", place.authority.certificate)
    seen: list[tuple[EnrolmentRequest, str | None]] = []
    directory = tmp_path / "state" / "federation"
    async with serving(place.context(), issuing(place, seen)) as service:
        enrolled = await enrol(service, f" {invitation}\n", directory)
    assert (enrolled.origin, enrolled.role) == ("gateway-a", "origin")
    ((request, shown),) = seen
    assert (request.token, shown) == (str(invitation), None)
    assert "PRIVATE" not in request.request
    assert Credentials.read(directory).origin == "gateway-a"
    assert (directory / AUTHORITY).read_text() == place.authority.pem
    modes = {path.name: path.stat().st_mode & 0o777 for path in directory.iterdir()}
    assert modes == {AUTHORITY: 0o600, CERTIFICATE: 0o600, KEY: 0o600}


async def test_somebody_in_between_gets_neither_the_token_nor_a_request(tmp_path: Path) -> None:
    place, stranger = Place(tmp_path / "authority"), Place(tmp_path / "stranger")
    invitation = Invitation.new("gateway-a", place.authority.certificate)
    seen: list[tuple[EnrolmentRequest, str | None]] = []
    async with serving(stranger.context(), issuing(stranger, seen)) as service:
        with pytest.raises(ServiceError, match="is not the service that the token is for: it shows another CA"):
            await enrol(service, str(invitation), tmp_path / "origin")
    assert seen == []
    assert not (tmp_path / "origin").exists()


async def test_who_shows_the_authority_without_its_key_gets_nothing(tmp_path: Path) -> None:
    place, stranger = Place(tmp_path / "authority"), Place(tmp_path / "stranger")
    context = stranger.context()
    chain = stranger.directory / "server.pem"
    leaf, _, key = chain.read_text().split("-----END CERTIFICATE-----\n")
    chain.write_text(f"{leaf}-----END CERTIFICATE-----\n{place.authority.pem}{key}")
    context.load_cert_chain(chain)
    seen: list[tuple[EnrolmentRequest, str | None]] = []
    async with serving(context, issuing(stranger, seen)) as service:
        with pytest.raises(ServiceError, match="its certificate is not accepted"):
            await enrol(service, str(Invitation.new("gateway-a", place.authority.certificate)), tmp_path / "origin")
    assert seen == []


async def test_a_refused_token_leaves_the_files_that_were_there(tmp_path: Path) -> None:
    place = Place(tmp_path / "authority")
    directory = place.origin(tmp_path / "origin")
    before = {path.name: path.read_bytes() for path in directory.iterdir()}

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"detail": "the token was used"}, status=403)

    async with serving(place.context(), answer) as service:
        with pytest.raises(ServiceError, match="the token was used"):
            await enrol(service, str(Invitation.new("a", place.authority.certificate)), directory)
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before


async def test_what_is_no_token_or_no_address_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="it is no token of a federation service"):
        await enrol("https://127.0.0.1:9", "alleyes1:half", tmp_path)
    token = str(Invitation.new("a", Place(tmp_path / "authority").authority.certificate))
    for wrong in ("http://127.0.0.1:9", "127.0.0.1:9", "https://"):
        with pytest.raises(ServiceError, match="is no https:// address"):
            await enrol(wrong, token, tmp_path)
    with pytest.raises(ServiceError, match=r"cannot be reached: .*refused"):
        await enrol("https://127.0.0.1:9", token, tmp_path)


async def test_a_certificate_is_renewed_with_itself_for_the_same_key(tmp_path: Path) -> None:
    place = Place(tmp_path / "authority")
    directory = place.origin(tmp_path / "origin")
    before, key = Credentials.read(directory), (directory / KEY).read_bytes()
    seen: list[tuple[EnrolmentRequest, str | None]] = []
    disk = Disk(tmp_path, lambda _: None)
    async with serving(place.context(), issuing(place, seen)) as service:
        connection = Connection(service, before.context)
        await renew(connection, directory, disk.call)
        await connection.close()
    await disk.close()
    ((request, shown),) = seen
    assert (request.token, shown) == (None, "gateway-a")
    assert (directory / KEY).read_bytes() == key
    after = Credentials.read(directory)
    assert (after.origin, after.stamp != before.stamp) == ("gateway-a", True)


async def test_a_certificate_of_another_key_is_not_taken(tmp_path: Path) -> None:
    place = Place(tmp_path / "authority")
    directory = place.origin(tmp_path / "origin")
    other = (place.origin(tmp_path / "other") / CERTIFICATE).read_text()
    before = (directory / CERTIFICATE).read_bytes()

    async def answer(_: web.Request) -> web.Response:
        made = Enrolment(origin="a", role="origin", certificate=other, authority="", not_after=0)
        return web.Response(status=201, body=msgspec.json.encode(made))

    disk = Disk(tmp_path, lambda _: None)
    async with serving(place.context(), answer) as service:
        connection = Connection(service, Credentials.read(directory).context)
        with pytest.raises(ServiceError, match="is not of the key that was sent"):
            await renew(connection, directory, disk.call)
        await connection.close()
    await disk.close()
    assert (directory / CERTIFICATE).read_bytes() == before
