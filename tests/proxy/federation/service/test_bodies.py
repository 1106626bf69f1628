"""Bodies that are as agreed, and those that are not."""

from __future__ import annotations

import http.client

from models.exchange.envelope import encode_contribution
from proxy.federation.messages import CONTRIBUTION
from tests.proxy.federation.service.learnt import learnt
from tests.proxy.federation.service.running import HOST, Place


def chunked(service: Place, name: str, *parts: bytes) -> tuple[int, bytes]:
    member = service.member(name)
    connection = http.client.HTTPSConnection(HOST, service.port, context=member.context, timeout=30)
    connection.request(
        "PUT",
        "/v1/contributions/%2Fchunked",
        body=iter(parts),
        headers={"Content-Type": CONTRIBUTION, "Transfer-Encoding": "chunked"},
        encode_chunked=True,
    )
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_a_body_may_come_in_parts(service: Place) -> None:
    data = encode_contribution(learnt("/chunked"))
    assert chunked(service, "parts", data[:10], data[10:])[0] == 204


def test_a_body_that_does_not_say_how_large_it_is_is_not_read_beyond_what_it_may_be(service: Place) -> None:
    status, body = chunked(service, "endless", *[bytes(1024)] * 80)
    assert status == 413
    assert b"too-large" in body


def test_a_body_is_asked_for(service: Place) -> None:
    member = service.member("asks-first")
    headers = {"Content-Type": CONTRIBUTION, "Expect": "100-continue"}
    answer = member.ask("PUT", "/v1/contributions/%2Fchunked", encode_contribution(learnt("/chunked")), headers)
    assert answer.status == 204
