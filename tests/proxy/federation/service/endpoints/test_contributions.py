"""Contributions: what is taken, what is refused, and that nothing refused is ever merged."""

from __future__ import annotations

import http.client
import socket
from http import HTTPStatus
from pathlib import Path

import msgspec
import pytest

from models.clustering_feature import ClusteringFeature
from models.exchange.envelope import MAX_BYTES, encode_contribution
from models.exchange.pool import Pool
from models.exchange.schema import SCHEMA
from models.exchange.showings import Showings
from models.relationship import Key
from proxy.federation.messages import CONTRIBUTION
from tests.proxy.federation.service.learnt import LIGHT, learnt, showing
from tests.proxy.federation.service.running import HOST, START, Place, now_ms, told
from tests.waiting import eventually

PATH = "/v1/contributions/%2FlightControler"
GOOD = {"Content-Type": CONTRIBUTION}


def test_the_newest_state_counts_and_the_same_again_is_no_mistake(service: Place) -> None:
    origin, other = service.member("newest"), service.member("newest-reader")
    first, second = learnt("/newest", epoch=5, sequence=1), learnt("/newest", epoch=5, sequence=2, weight=9)
    assert origin.contribute(first).status == HTTPStatus.NO_CONTENT
    assert origin.contribute(second).status == HTTPStatus.NO_CONTENT
    assert origin.contribute(second).status == HTTPStatus.NO_CONTENT
    stale = origin.contribute(first)
    assert (stale.status, stale.code, stale.json["epoch"], stale.json["sequence"]) == (409, "stale", 5, 2)
    pool = Pool("/newest")
    pool.put("newest", second)
    newest = pool.without(None)
    assert told(other, "/newest", newest.version) == newest
    assert (newest.origins, newest.model) == (1, second.model)


def test_nobody_takes_the_epochs_of_the_future(service: Place) -> None:
    """A thief that had them would keep the name from its owner for ever."""
    thief = service.member("burnt")
    day = 24 * 3_600_000
    refused = thief.contribute(learnt("/burnt", epoch=now_ms() + 2 * day))
    assert (refused.status, refused.code) == (HTTPStatus.BAD_REQUEST, "time")
    assert thief.tell(Showings(instances={}, open=[]), epoch=2**53 - 2).code == "time"
    epoch = now_ms() + day - 60_000
    assert thief.contribute(learnt("/burnt", epoch=epoch, sequence=2**53 - 2)).status == HTTPStatus.NO_CONTENT
    assert service.member("operator", "operator").ask("DELETE", "/v1/origins/burnt").status == HTTPStatus.NO_CONTENT
    owner = service.member("burnt")
    held = owner.contribute(learnt("/burnt", epoch=now_ms()))
    assert (held.status, held.json["epoch"]) == (HTTPStatus.CONFLICT, epoch)
    assert owner.contribute(learnt("/burnt", epoch=held.json["epoch"] + 1)).status == HTTPStatus.NO_CONTENT


def test_another_state_under_a_known_stamp_is_refused(service: Place) -> None:
    """Also before the first one is in the sums; the store keeps the first."""
    origin, other = service.member("two-bodies"), service.member("two-bodies-reader")
    first, second = learnt("/twoBodies", weight=5), learnt("/twoBodies", weight=500)
    assert origin.contribute(first).status == HTTPStatus.NO_CONTENT
    origin.contribute(second)
    eventually(lambda: other.model("/twoBodies").status == HTTPStatus.OK)
    refused = origin.contribute(second)
    assert (refused.status, refused.code, refused.json["epoch"], refused.json["sequence"]) == (409, "stale", 1, 1)
    assert origin.contribute(first).status == HTTPStatus.NO_CONTENT
    others = other.others("/twoBodies").elsewhere
    assert others is not None
    assert others.model == first.model


def test_what_is_refused_again_and_again_is_not_kept(service: Place) -> None:
    origin, other = service.member("refused"), service.member("refused-reader")
    assert origin.contribute(learnt("/refused", sequence=9)).status == HTTPStatus.NO_CONTENT
    eventually(lambda: other.model("/refused").status == HTTPStatus.OK)
    before = origin.model("/refused").etag
    for sequence in range(1, 9):
        assert origin.contribute(learnt("/refused", sequence=sequence)).code == "stale"
    damaged = origin.send("/refused", encode_contribution(learnt("/refused", sequence=9)) + b"x")
    assert damaged.code == "stale"
    assert origin.model("/refused").etag == before


@pytest.mark.parametrize(("role", "hours"), [("site", 23), ("global", 24)])
def test_a_site_takes_nothing_that_lies_so_far_ahead_that_the_level_above_might_refuse_it(
    tmp_path: Path, role: str, hours: int
) -> None:
    """Whose clock may be behind: else one node with times of tomorrow could have its site's sum refused there."""
    with Place(tmp_path / "service", {"role": role}).serving() as place:
        origin, now = place.member("ahead"), START // 60_000
        for minutes, status in ((-10, HTTPStatus.NO_CONTENT), (10, HTTPStatus.BAD_REQUEST)):
            minute = now + hours * 60 + minutes
            ahead = learnt(LIGHT, weight=1, sequence=minutes + 20)
            (one,) = ahead.model.relationships.values()
            one.fast = ClusteringFeature(1, 1000, 1_000_000, minute, minute * minute)
            one.slow = ClusteringFeature(*one.fast.sums)
            assert origin.contribute(ahead).status == status
            last = minute * 60_000
            shown = msgspec.structs.replace(showing(), onset=last, last=last)
            told = origin.tell(Showings(instances={LIGHT: 3}, open=[shown]), sequence=minutes + 20)
            assert told.status == status


def test_large_contributions_have_less_of_the_rate_and_usual_ones_all_of_it(tmp_path: Path) -> None:
    """What costs most is to read them: neither what is known already nor what others send is charged for that."""
    settings = {"limits": {"requests_per_second": 0.01, "burst": 30}}
    with Place(tmp_path / "service", settings).serving() as place:
        origin, other, watching = (place.member(name) for name in ("large", "usual", "watching"))
        large = learnt(LIGHT)
        (one,) = large.model.relationships.values()
        for number in range(1000):
            large.model.relationships[Key(f"/p{number}", own=False, operation="get", data_type="")] = one
        size = len(encode_contribution(large))
        assert origin.contribute(large).status == HTTPStatus.NO_CONTENT
        eventually(lambda: watching.model(LIGHT).status == HTTPStatus.OK)  # from then on it is known already
        answers = [origin.contribute(large).status for _ in range(30)]
        assert answers.count(HTTPStatus.NO_CONTENT) in range(30 - 2 * (1 + size // 4096), 30 - size // 4096)
        assert answers[-1] == HTTPStatus.TOO_MANY_REQUESTS
        usual = [other.contribute(learnt(LIGHT, sequence=each + 1)).status for each in range(30)]
        assert set(usual) == {HTTPStatus.NO_CONTENT}


@pytest.mark.parametrize(
    ("path", "headers", "body", "status", "code"),
    [
        (PATH, GOOD, b"", 400, "malformed"),
        (PATH, GOOD, SCHEMA, 400, "malformed"),
        (PATH, GOOD, bytes(8) + b"x", 422, "schema"),
        (PATH, GOOD, encode_contribution(learnt("/other")), 400, "type"),
        (PATH, {}, b"x", 415, "media-type"),
        (PATH, {"Content-Type": "application/json"}, b"{}", 415, "media-type"),
        (PATH, GOOD | {"Content-Encoding": "gzip"}, b"x", 415, "media-type"),
        (PATH, GOOD, bytes(MAX_BYTES + 1), 413, "too-large"),
        ("/v1/contributions/10.0.0.1", GOOD, b"x", 400, "type"),
        (PATH + "?epoch=1", GOOD, b"x", 400, "parameter"),
    ],
)
def test_what_is_wrong_is_told_counted_and_not_merged(
    service: Place, path: str, headers: dict[str, str], body: bytes, status: int, code: str
) -> None:
    origin = service.member(f"wrong-{status}-{code}")
    before = _counted(service, code)
    answer = origin.ask("PUT", path, body, headers)
    assert (answer.status, answer.code) == (status, code)
    assert _counted(service, code) == before + 1
    origin.close()
    assert LIGHT not in [entry["service_type"] for entry in origin.ask("GET", "/v1/models").json["models"]]


def test_a_body_that_says_to_be_too_large_is_refused_before_it_is_sent(service: Place) -> None:
    origin = service.member("announces")
    with (
        socket.create_connection((HOST, service.port)) as raw,
        origin.context.wrap_socket(raw, server_hostname=HOST) as connection,
    ):
        head = f"PUT {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: {CONTRIBUTION}\r\nContent-Length: 99999999\r\n\r\n"
        connection.sendall(head.encode())
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert (answer.status, answer.headers["Connection"]) == (413, "close")


def test_an_operator_does_not_contribute(service: Place) -> None:
    answer = service.member("not-an-origin", "operator").contribute(learnt("/newest"))
    assert (answer.status, answer.code) == (403, "forbidden")


def _counted(service: Place, result: str) -> float:
    text = service.stranger().ask("GET", "/metrics").body.decode()
    name = f'alleyes_federation_contributions_total{{result="{result}"}} '
    return sum(float(line.removeprefix(name)) for line in text.splitlines() if line.startswith(name))
