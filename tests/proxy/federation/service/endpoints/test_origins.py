"""What an operator sees and does."""

from __future__ import annotations

import threading
import time
from http import HTTPStatus

from models.exchange.pool import Pool
from models.exchange.showings import Showings
from tests.proxy.federation.service.learnt import LIGHT, learnt, showing
from tests.proxy.federation.service.running import Place, told
from tests.waiting import eventually


def test_who_is_taken_out_is_gone_at_once_and_can_come_back_with_a_new_token(service: Place) -> None:
    operator, stays = service.member("remover", "operator"), service.member("stays")
    leaves = service.member("leaves")
    assert stays.contribute(learnt("/left", weight=7)).status == HTTPStatus.NO_CONTENT
    pool = Pool("/left")
    pool.put("stays", learnt("/left", weight=7))
    only = pool.without(None)
    assert told(operator, "/left", only.version) == only
    assert leaves.contribute(learnt("/left", weight=4, epoch=3)).status == HTTPStatus.NO_CONTENT
    eventually(lambda: operator.others("/left").elsewhere != only)
    assert operator.ask("DELETE", "/v1/origins/leaves").status == HTTPStatus.NO_CONTENT
    # On the connection that is open.
    refused = leaves.contribute(learnt("/left", weight=4, epoch=4))
    assert (refused.status, refused.code) == (403, "revoked")
    assert leaves.ask("GET", "/v1/models").code == "revoked"
    assert leaves.enrol(None).code == "revoked"
    # Exactly what it was without it.
    assert told(operator, "/left", only.version) == only

    back = service.member("leaves")
    stale = back.contribute(learnt("/left", weight=4, epoch=3, sequence=9))
    assert (stale.status, stale.json["epoch"]) == (409, 3)
    eventually(lambda: back.contribute(learnt("/left", weight=4, epoch=time.time_ns() // 10**6)).status == 204)


def test_a_request_that_waits_is_ended_when_its_caller_is_taken_out(service: Place) -> None:
    operator, waits = service.member("impatient", "operator"), service.member("waits")
    etag = waits.ask("GET", "/v1/models").etag
    answers = []
    waiting = threading.Thread(
        target=lambda: answers.append(waits.ask("GET", "/v1/models?wait=30", headers={"If-None-Match": etag}))
    )
    waiting.start()
    eventually(lambda: b"\nalleyes_federation_waiting 1.0\n" in service.stranger().ask("GET", "/metrics").body)
    began = time.monotonic()
    assert operator.ask("DELETE", "/v1/origins/waits").status == HTTPStatus.NO_CONTENT
    waiting.join()
    assert time.monotonic() - began < 25, "long before the wait is over"
    assert [answer.status for answer in answers] == [403]


def test_origins_are_listed_in_pages(service: Place) -> None:
    operator = service.member("zz-lister", "operator")
    for name in ("page-a", "page-b", "page-c"):
        service.member(name).contribute(learnt("/listed"))
    first = operator.ask("GET", "/v1/origins?after=page&limit=2").json
    assert [entry["origin"] for entry in first["origins"]] == ["page-a", "page-b"]
    assert first["after"] == "page-b"
    assert first["origins"][0]["topics"] == first["origins"][0]["certificates"] == 1
    rest = operator.ask("GET", f"/v1/origins?after={first['after']}&limit=1000").json
    assert rest["origins"][0]["origin"] == "page-c"
    assert rest["after"] is None
    assert rest["origins"][-1]["role"] == "operator"


def test_what_an_operator_alone_may_do(service: Place) -> None:
    origin = service.member("curious")
    for method, path in (("GET", "/v1/origins"), ("DELETE", "/v1/origins/curious")):
        answer = origin.ask(method, path)
        assert (answer.status, answer.code) == (403, "forbidden")


def test_nobody_is_taken_out_who_is_not_there(service: Place) -> None:
    operator = service.member("mistaken", "operator")
    for name in ("nobody", "Not.A.Name"):
        answer = operator.ask("DELETE", f"/v1/origins/{name}")
        assert (answer.status, answer.code) == (404, "unknown-origin")


def test_candidates_of_who_was_taken_out_count_no_more(service: Place) -> None:
    operator, first, second = (
        service.member("judge", "operator"),
        service.member("votes-first"),
        service.member("votes-second"),
    )
    told_of = Showings(instances={LIGHT: 3}, open=[showing(partner="/takenOut")])
    assert first.tell(told_of).status == HTTPStatus.NO_CONTENT
    assert operator.ask("DELETE", "/v1/origins/votes-first").status == HTTPStatus.NO_CONTENT
    voters = b"alleyes_federation_voters 0.0"
    eventually(lambda: voters in service.stranger().ask("GET", "/metrics").body)
    assert second.tell(told_of).status == HTTPStatus.NO_CONTENT
    eventually(lambda: b"alleyes_federation_voters 1.0" in service.stranger().ask("GET", "/metrics").body)
    assert second.ask("GET", "/v1/acceptances?wait=1").json["accepted"] == []
