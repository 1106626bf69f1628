"""Candidates travel at once: shown by two sites, accepted, and told to all at once."""

from __future__ import annotations

import threading
import time
from http import HTTPStatus
from typing import Any

import msgspec
import pytest

from models.exchange.showings import Showings
from tests.proxy.federation.service.learnt import LIGHT, learnt, showing
from tests.proxy.federation.service.running import Answer, Place, now_ms
from tests.waiting import eventually

SHOWN = Showings(instances={LIGHT: 3}, open=[showing()])


def test_what_two_sites_show_is_accepted_and_told_to_who_waits(service: Place) -> None:
    first, second, third = (service.member(f"shows-{number}") for number in "abc")
    cursor = third.ask("GET", "/v1/acceptances").json["cursor"]
    assert first.tell(SHOWN).status == HTTPStatus.NO_CONTENT
    answers: list[tuple[Answer, float]] = []

    def wait() -> None:
        answers.append((third.ask("GET", f"/v1/acceptances?after={cursor}&wait=30"), time.monotonic()))

    waiting = threading.Thread(target=wait)
    waiting.start()
    eventually(lambda: b"\nalleyes_federation_waiting 1.0\n" in service.stranger().ask("GET", "/metrics").body)
    began = time.monotonic()
    assert second.tell(SHOWN).status == HTTPStatus.NO_CONTENT
    waiting.join()
    ((answer, ended),) = answers
    assert ended - began < 25, "long before the wait is over"
    accepted = answer.json["accepted"]
    assert [msgspec.convert(each["candidate"], type(SHOWN.open[0].candidate)) for each in accepted] == [
        SHOWN.open[0].candidate
    ]
    # Once, and again to who asks from the beginning.
    assert first.ask("GET", f"/v1/acceptances?after={answer.json['cursor']}").json["accepted"] == []
    assert first.ask("GET", "/v1/acceptances").json["accepted"] == accepted


def test_what_is_left_without_enough_voters_is_withdrawn_and_told_to_who_waits(service: Place) -> None:
    """And may be accepted again, by others."""
    shown = Showings(instances={LIGHT: 3}, open=[showing(partner="/withdrawn")])
    subverted, honest, reader, later = (service.member(name) for name in ("subverted", "honest", "reader", "later"))
    operator = service.member("removes", "operator")
    for each in (subverted, honest):
        assert each.tell(shown).status == HTTPStatus.NO_CONTENT

    def since(cursor: str, wait: int = 10) -> tuple[list[Any], list[Any], str]:
        body = reader.ask("GET", f"/v1/acceptances?after={cursor}&wait={wait}").json
        withdrawn = [each for each in body["withdrawn"] if each[2][0] == "/withdrawn"]
        return [each for each in body["accepted"] if each["candidate"][2][0] == "/withdrawn"], withdrawn, body["cursor"]

    cursors: list[str] = [""]

    def heard(accepted: int, withdrawn: int) -> bool:
        *found, cursor = since(cursors[-1])
        cursors.append(cursor)
        return [len(each) for each in found] == [accepted, withdrawn]

    eventually(lambda: heard(1, 0))
    assert operator.ask("DELETE", "/v1/origins/subverted").status == HTTPStatus.NO_CONTENT
    eventually(lambda: heard(0, 1))
    assert [len(each) for each in since("")[:2]] == [0, 1], "also to who asks from the beginning"
    assert later.tell(shown).status == HTTPStatus.NO_CONTENT
    eventually(lambda: heard(1, 0))


def test_the_newest_telling_counts(service: Place) -> None:
    member = service.member("tells")
    assert member.tell(SHOWN, epoch=4, sequence=2).status == HTTPStatus.NO_CONTENT
    assert member.tell(SHOWN, epoch=4, sequence=2).status == HTTPStatus.NO_CONTENT
    stale = member.tell(SHOWN, epoch=4, sequence=1)
    assert (stale.status, stale.json["epoch"], stale.json["sequence"]) == (409, 4, 2)


def body(**changes: Any) -> bytes:
    told = {"epoch": 1, "sequence": 1, "instances": {LIGHT: 3}, "open": [msgspec.to_builtins(showing())]}
    return msgspec.json.encode(told | changes)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "malformed"),
        (b"[]", "malformed"),
        (b"\xff", "malformed"),
        (b"[" * 100_000, "malformed"),
        (body(epoch=-1), "malformed"),
        (body(epoch=2**53), "malformed"),
        (body(more=1), "malformed"),
        (body(instances={"192.0.2.1": 1}), "type"),
        (body(instances={LIGHT: -1}), "feature"),
        (body(open=[msgspec.to_builtins(showing(partner="/agent1/light1"))]), "type"),
        (body(open=[msgspec.to_builtins(showing()) | {"last": now_ms() + 10**9}]), "time"),
    ],
)
def test_what_is_no_telling_is_refused(service: Place, data: bytes, code: str) -> None:
    member = service.member("tells-nonsense")
    answer = member.ask("PUT", "/v1/candidates", data, {"Content-Type": "application/json"})
    assert (answer.status, answer.code) == (400, code)


def test_an_operation_that_is_none_is_refused(service: Place) -> None:
    shown = showing()
    candidate = shown.candidate._replace(key=shown.candidate.key._replace(operation="room 4711"))
    told = Showings(instances={}, open=[msgspec.structs.replace(shown, candidate=candidate)])
    answer = service.member("tells-operation").tell(told)
    assert (answer.status, answer.code) == (400, "type")


@pytest.mark.parametrize("after", ["!", "A", "gaEw", "x" * 9000])
def test_a_cursor_of_our_own_making_is_refused(service: Place, after: str) -> None:
    answer = service.member("cursor").ask("GET", f"/v1/acceptances?after={after}")
    assert (answer.status, answer.code) == (400, "parameter")


def test_telling_candidates_is_not_contributing(service: Place) -> None:
    member = service.member("tells-only")
    member.tell(SHOWN)
    assert member.contribute(learnt("/tellsOnly")).status == HTTPStatus.NO_CONTENT
