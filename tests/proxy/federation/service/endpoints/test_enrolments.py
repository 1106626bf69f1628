"""How an origin gets its certificate: once for each token, and again for a certificate that is good."""

from __future__ import annotations

import threading
from http import HTTPStatus
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from proxy.federation.messages import Enrolment
from proxy.federation.service import revocations
from tests.ports import free_port
from tests.proxy.federation.service.learnt import learnt
from tests.proxy.federation.service.running import Answer, Caller, Place, signing_request


def enrolment(answer: Answer) -> Enrolment:
    assert answer.status == HTTPStatus.CREATED, answer
    assert answer.headers["Cache-Control"] == "no-store"
    return msgspec.json.decode(answer.body, type=Enrolment)


def test_a_token_gives_the_invited_name_a_certificate_and_works_once(service: Place) -> None:
    token, key = service.invite("invited"), ec.generate_private_key(ec.SECP256R1())
    given = enrolment(service.stranger().enrol(token, signing_request(key)))
    assert (given.origin, given.role, given.authority) == ("invited", "origin", service.authority.pem)
    certificate = x509.load_pem_x509_certificate(given.certificate.encode())
    assert certificate.public_key() == key.public_key()
    assert certificate.not_valid_after_utc.timestamp() == given.not_after
    assert service.holder(given, key).contribute(learnt("/invited")).status == HTTPStatus.NO_CONTENT
    again = service.stranger().enrol(token)
    assert (again.status, again.code) == (403, "token")


def test_of_many_who_use_a_token_at_once_one_gets_a_certificate(tmp_path: Path, database: str) -> None:
    """Also when they ask different services over one database."""
    place = Place(tmp_path, {"storage": {"postgres": {"dsn": database}}})
    second = free_port()
    with place.serving(), place.serving(second):
        token, request = place.invite("contended"), signing_request()
        callers = [place.stranger(port) for port in (place.port, second) * 4]
        for caller in callers:
            assert caller.ask("GET", "/healthz").status == HTTPStatus.OK
        answers: list[Answer] = []
        together = threading.Barrier(len(callers))

        def ask(caller: Caller) -> None:
            together.wait()
            answers.append(caller.enrol(token, request))

        threads = [threading.Thread(target=ask, args=[caller]) for caller in callers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answer.status for answer in answers) == [201] + [403] * (len(callers) - 1)


def test_a_certificate_is_renewed_for_who_holds_it(service: Place) -> None:
    member, key = service.member("renewed"), ec.generate_private_key(ec.SECP256R1())
    given = enrolment(member.enrol(None, signing_request(key)))
    assert (given.origin, given.role) == ("renewed", "origin")
    assert service.holder(given, key).contribute(learnt("/renewed")).status == HTTPStatus.NO_CONTENT


def test_an_operator_stays_one(service: Place) -> None:
    assert enrolment(service.member("boss", "operator").enrol(None)).role == "operator"


@pytest.mark.parametrize("token", ["", "alleyes1:x", None])
def test_without_a_token_or_a_certificate_there_is_none(service: Place, token: str | None) -> None:
    answer = service.stranger().enrol(token)
    assert (answer.status, answer.code) == (403, "unauthenticated" if token is None else "token")


def test_a_token_that_has_expired_or_is_of_another_service_is_not_good(service: Place, tmp_path: Path) -> None:
    assert service.stranger().enrol(service.invite("late", seconds=-1)).code == "token"
    foreign = Place(tmp_path).invite("elsewhere")
    assert service.stranger().enrol(foreign).json["detail"] == "it is of a service with another CA"


def test_a_request_that_cannot_be_used_does_not_use_up_the_token(service: Place) -> None:
    token = service.invite("weak")
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 -- that is the point
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))

    request = builder.sign(weak, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    for bad in ("", "x" * 10_000, request):
        answer = service.stranger().enrol(token, bad)
        assert (answer.status, answer.code) == (400, "request")
    assert service.stranger().enrol(token).status == HTTPStatus.CREATED


def test_who_was_revoked_by_another_process_renews_nothing_before_this_one_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocations, "POLL", 5.0)
    with Place(tmp_path).serving() as place:
        thief = place.member("stolen")
        assert thief.enrol(None).status == HTTPStatus.CREATED
        place.revoke("stolen")
        answer = thief.enrol(None)
        assert (answer.status, answer.code) == (403, "revoked")
        # It is the store that refused: what this process knows still lets it in.
        assert thief.ask("GET", "/v1/models").status == HTTPStatus.OK


def test_a_token_from_before_a_revocation_is_not_good(service: Place) -> None:
    service.member("left")
    token = service.invite("left")
    service.revoke("left")
    answer = service.stranger().enrol(token)
    assert (answer.status, answer.code) == (403, "token")
    assert service.stranger().enrol(service.invite("left")).status == HTTPStatus.CREATED
