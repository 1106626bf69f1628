"""What all answers have in common."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from http import HTTPStatus

import pytest

from proxy.federation.messages import CONTRIBUTION
from proxy.federation.storage.base import StoreBusyError, StoreError
from proxy.federation.storage.sqlite import SqliteStore
from tests.proxy.federation.service.learnt import learnt
from tests.proxy.federation.service.running import HOST, Place
from tests.waiting import eventually

PUBLIC = {"/healthz", "/readyz", "/metrics", "/openapi.yaml", "/v1/enrolments"}


def test_everything_but_a_few_asks_for_a_certificate(service: Place) -> None:
    guarded = [route for route in service.service().routes if route.path not in PUBLIC]
    assert len(guarded) == 7
    for route in guarded:
        path = route.path.replace("{service_type}", "%2FlightControler").replace("{origin}", "site-a")
        answer = service.stranger().ask(route.method, path, headers={"Content-Type": CONTRIBUTION})
        assert (answer.status, answer.code) == (403, "unauthenticated"), route


def test_what_there_is_not_is_told_as_everything_else(service: Place) -> None:
    for path in ("/", "/v2", "/v1/models/", "/v1/models/a/b", "//v1/models", "/v1/../metrics"):
        answer = service.stranger().ask("GET", path)
        assert (answer.status, answer.code) == (404, "not-found"), path


@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_a_method_that_is_not_for_it_is_told_which_are(service: Place, method: str) -> None:
    answer = service.member("methods").ask(method, "/v1/models")
    assert (answer.status, answer.code, answer.headers["Allow"]) == (405, "method", "GET, HEAD")


def test_head_is_get_without_the_body(service: Place) -> None:
    member = service.member("heads")
    get, head = member.ask("GET", "/v1/models"), member.ask("HEAD", "/v1/models")
    assert (head.status, head.etag, head.body) == (200, get.etag, b"")
    assert head.headers["Content-Length"] == str(len(get.body))


def test_no_version_is_told(service: Place) -> None:
    assert service.stranger().ask("GET", "/healthz").headers["Server"] == "alleyes"


def test_an_expectation_is_met_or_refused(service: Place) -> None:
    member = service.member("expects")
    headers = {"Content-Type": CONTRIBUTION, "Expect": "nonsense"}
    assert member.ask("PUT", "/v1/contributions/%2Flight", b"", headers).status == HTTPStatus.EXPECTATION_FAILED


@pytest.fixture
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    limits = {"requests_per_second": 0.01, "burst": 5, "service_types": 3, "service_types_per_origin": 1}
    with Place(tmp_path_factory.mktemp("strict"), {"limits": limits}).serving() as place:
        yield place


def test_who_asks_too_much_is_told_when_to_come_back(strict: Place) -> None:
    member, other = strict.member("eager"), strict.member("modest")
    answers = [member.ask("GET", "/v1/models") for _ in range(6)]
    assert [answer.status for answer in answers] == [200] * 5 + [429]
    assert answers[-1].code == "rate"
    assert 50 < int(answers[-1].headers["Retry-After"]) <= 100
    assert other.ask("GET", "/v1/models").status == HTTPStatus.OK
    # The address of both is another caller.
    assert strict.stranger().ask("GET", "/metrics").status == HTTPStatus.OK


@pytest.fixture(scope="module")
def besieged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    strangers = {"requests_per_second": 0.01, "burst": 60, "requests": 1}
    limits = {"requests": 2, "strangers": strangers}
    with Place(tmp_path_factory.mktemp("besieged"), {"limits": limits}).serving() as place:
        yield place


def test_enrolments_that_do_not_send_their_body_take_no_place(besieged: Place) -> None:
    member, invitation = besieged.member("inside"), besieged.invite("late")
    head = b"POST /v1/enrolments HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    with contextlib.ExitStack() as stack:
        for _ in range(10):
            raw = stack.enter_context(socket.create_connection((HOST, besieged.port), timeout=20))
            stack.enter_context(besieged.trusting().wrap_socket(raw, server_hostname=HOST)).sendall(head)
        time.sleep(0.3)  # for the heads
        assert member.ask("GET", "/v1/models").status == HTTPStatus.OK
        assert besieged.stranger().enrol(invitation).status == HTTPStatus.CREATED


def test_who_asks_too_much_without_a_certificate_takes_nothing_from_members(besieged: Place) -> None:
    member, stranger = besieged.member("beside"), besieged.stranger()
    while stranger.ask("GET", "/healthz").status == HTTPStatus.OK:
        pass
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.yaml"):
        answer = stranger.ask("GET", path)
        assert (answer.status, answer.code) == (429, "rate"), path
        assert member.ask("GET", path).status == HTTPStatus.OK
    assert member.ask("GET", "/v1/models").status == HTTPStatus.OK
    assert member.enrol(None).status == HTTPStatus.CREATED


def test_an_origin_contributes_to_no_more_types_than_agreed(strict: Place) -> None:
    member = strict.member("broad")
    assert member.contribute(learnt("/first")).status == HTTPStatus.NO_CONTENT
    eventually(lambda: b"\nalleyes_federation_service_types 1.0\n" in strict.stranger().ask("GET", "/metrics").body)
    refused = member.contribute(learnt("/second"))
    assert (refused.status, refused.code) == (422, "full")
    assert member.contribute(learnt("/first", sequence=2)).status == HTTPStatus.NO_CONTENT


@pytest.mark.parametrize(("error", "code"), [(StoreBusyError("full"), "busy"), (StoreError("disk"), "storage")])
def test_a_store_that_cannot_do_it_now_is_told_and_nothing_is_acknowledged(
    service: Place, monkeypatch: pytest.MonkeyPatch, error: StoreError, code: str
) -> None:
    member = service.member("unlucky")
    # Of its own: what is known to be held is acknowledged without asking the store.
    contribution = learnt(f"/unlucky-{code}")

    async def put(*_: object) -> None:
        raise error

    with monkeypatch.context() as away:
        away.setattr(SqliteStore, "put", put)
        answer = member.contribute(contribution)
        assert (answer.status, answer.code) == (503, code)
        assert int(answer.headers["Retry-After"]) > 0
    assert member.contribute(contribution).status == HTTPStatus.NO_CONTENT


def test_a_defect_is_told_and_the_service_goes_on(service: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    member = service.member("finder")

    async def put(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr(SqliteStore, "put", put)
        answer = member.contribute(learnt("/defect"))
        assert (answer.status, answer.code) == (500, "defect")
        assert "ZeroDivision" not in answer.body.decode()
    assert member.contribute(learnt("/defect")).status == HTTPStatus.NO_CONTENT


def test_a_revoked_certificate_spends_nothing_of_the_rate_of_who_has_its_name_now(strict: Place) -> None:
    revoked = strict.member("name")
    strict.revoke("name")
    eventually(lambda: b"\nalleyes_federation_revoked 1.0\n" in strict.stranger().ask("GET", "/metrics").body)
    answers = [revoked.ask("GET", "/v1/models") for _ in range(7)]
    assert [answer.status for answer in answers] == [403] * 5 + [429] * 2
    assert strict.member("name").ask("GET", "/v1/models").status == HTTPStatus.OK
