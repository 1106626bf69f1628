"""What an origin is told: the others, without itself, when it wants to know."""

from __future__ import annotations

import threading
import time
from http import HTTPStatus
from typing import Any

from models.exchange.envelope import encode_others
from models.exchange.pool import Pool
from models.exchange.shared import Others
from tests.proxy.federation.service.learnt import learnt
from tests.proxy.federation.service.running import Answer, Caller, Place, told
from tests.waiting import eventually


def summed(service_type: str, *names: str) -> Pool:
    """Each of them learnt as many instance-minutes as its name has letters."""
    pool = Pool(service_type)
    for name in names:
        pool.put(name, learnt(service_type, weight=len(name)))
    return pool


def test_each_is_told_the_sum_of_the_others(service: Place) -> None:
    names = ("sum-a", "sum-bb", "sum-ccc")
    members = {name: service.member(name) for name in names}
    for name, member in members.items():
        assert member.contribute(learnt("/summed", weight=len(name))).status == HTTPStatus.NO_CONTENT
    pool = summed("/summed", *names)
    for name, member in [*members.items(), ("sum-reader", service.member("sum-reader"))]:
        wanted = pool.without(name)
        assert told(member, "/summed", wanted.version) == wanted
        answer = member.model("/summed")
        assert answer.body == encode_others(Others(elsewhere=wanted))
        assert (answer.headers["Content-Type"], answer.etag) == (
            "application/vnd.alleyes.others",
            f'"{wanted.version}"',
        )
        assert answer.headers["Cache-Control"] == "private, no-cache"


def test_who_is_alone_is_told_of_nobody(service: Place) -> None:
    alone = service.member("alone")
    alone.contribute(learnt("/solitary"))
    eventually(lambda: alone.model("/solitary").status == HTTPStatus.OK)
    assert alone.others("/solitary") == Others()


def test_who_has_the_current_state_is_not_sent_it_again(service: Place) -> None:
    member = service.member("conditional")
    member.contribute(learnt("/conditional"))
    eventually(lambda: member.model("/conditional").status == HTTPStatus.OK)
    etag = member.model("/conditional").etag
    for given in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = member.model("/conditional", known=given)
        assert (answer.status, answer.body, answer.etag) == (304, b"", etag)
    for given in ('"other"', "garbage"):
        assert member.model("/conditional", known=given).status == HTTPStatus.OK


def test_a_change_is_told_to_who_waits_for_it(service: Place) -> None:
    waits, teaches = service.member("waits-model"), service.member("teaches")
    teaches.contribute(learnt("/awaited"))
    eventually(lambda: waits.model("/awaited").status == HTTPStatus.OK)
    etags = waits.model("/awaited").etag, waits.ask("GET", "/v1/models").etag
    other = Caller(service.port, waits.context)
    answers: dict[str, tuple[Answer, float]] = {}
    began = time.monotonic()

    def ask(caller: Caller, path: str, etag: str) -> None:
        answer = caller.ask("GET", f"{path}?wait=30", headers={"If-None-Match": etag})
        answers[path] = answer, time.monotonic() - began

    paths = ("/v1/models/%2Fawaited", "/v1/models")
    threads = [threading.Thread(target=ask, args=each) for each in zip((waits, other), paths, etags, strict=True)]
    for thread in threads:
        thread.start()
    eventually(lambda: b"\nalleyes_federation_waiting 2.0\n" in service.stranger().ask("GET", "/metrics").body)
    teaches.contribute(learnt("/awaited", sequence=2, weight=9))
    for thread in threads:
        thread.join()
    for (answer, seconds), etag in zip((answers[path] for path in paths), etags, strict=True):
        assert answer.status == HTTPStatus.OK
        assert answer.etag != etag
        assert seconds < 25, "long before the wait is over"


def test_a_wait_without_a_change_ends_when_it_is_over(service: Place) -> None:
    member = service.member("patient")
    member.contribute(learnt("/quiet"))
    eventually(lambda: member.model("/quiet").status == HTTPStatus.OK)
    began = time.monotonic()
    assert member.model("/quiet", known=member.model("/quiet").etag, wait=1).status == HTTPStatus.NOT_MODIFIED
    assert 0.9 < time.monotonic() - began < 25


def test_people_are_shown_a_table(service: Place) -> None:
    member = service.member("people")
    service.member("people-other").contribute(learnt("/readable", weight=5))
    eventually(lambda: member.model("/readable").status == HTTPStatus.OK)
    answer = member.ask("GET", "/v1/models/%2Freadable", headers={"Accept": "application/json"})
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["Vary"] == "Accept"
    assert answer.etag != member.model("/readable").etag
    (column,) = answer.json["elsewhere"]["model"]["columns"]
    assert (answer.json["elsewhere"]["origins"], column["partner"]) == (1, "/movementSensor")
    refused = member.ask("GET", "/v1/models/%2Freadable", headers={"Accept": "text/html"})
    assert (refused.status, refused.code) == (406, "not-acceptable")


def test_a_type_that_nobody_contributed_to_is_not_there(service: Place) -> None:
    answer = service.member("seeker").model("/unheardOf", wait=5)
    assert (answer.status, answer.code) == (404, "unknown-type")


def test_the_list_has_what_is_told_of_each(service: Place) -> None:
    member = service.member("lists")
    member.contribute(learnt("/entry", weight=5))
    service.member("lists-other").contribute(learnt("/entry", weight=4))

    def entries() -> list[dict[str, Any]]:
        return [e for e in member.ask("GET", "/v1/models").json["models"] if e["service_type"] == "/entry"]

    eventually(lambda: [each for each in entries() if each["weight"] == 9])
    (entry,) = entries()
    assert (entry["origins"], entry["weight"]) == (1, 9)
    assert f'"{entry["version"]}"' == member.model("/entry").etag
