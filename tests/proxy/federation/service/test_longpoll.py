"""Requests that wait: only so many of one origin, and all of them answered when the service ends."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from tests.proxy.federation.service.running import Answer, Caller, Place
from tests.waiting import eventually

WAIT = "/v1/acceptances?wait=60"


def test_waiting_is_bounded_and_ends_with_the_service(tmp_path: Path) -> None:
    place = Place(tmp_path, {"limits": {"waiting_per_origin": 2}})
    answers: list[Answer] = []
    with place.serving():
        member, other = place.member("waits"), place.member("asks")
        callers = [member, Caller(place.port, member.context)]
        threads = [threading.Thread(target=lambda c=each: answers.append(c.ask("GET", WAIT))) for each in callers]
        for thread in threads:
            thread.start()
        eventually(lambda: b"\nalleyes_federation_waiting 2.0\n" in place.stranger().ask("GET", "/metrics").body)
        refused = Caller(place.port, member.context).ask("GET", WAIT)
        assert (refused.status, refused.code, refused.headers["Retry-After"]) == (429, "waiting", "5")
        assert other.ask("GET", "/v1/acceptances").status == 200
        began = time.monotonic()
    for thread in threads:
        thread.join()
    assert time.monotonic() - began < 45, "long before the wait is over"
    assert [answer.status for answer in answers] == [200, 200]


def test_nobody_waits_longer_than_the_service_lets_them(tmp_path: Path) -> None:
    with Place(tmp_path, {"limits": {"wait_seconds": 1}}).serving() as place:
        began = time.monotonic()
        assert place.member("waits").ask("GET", WAIT).json["accepted"] == []
        assert 0.9 < time.monotonic() - began < 45


def test_who_goes_away_waits_no_more(service: Place) -> None:
    member = service.member("goes")
    thread = threading.Thread(target=lambda: _suppressed(member))
    thread.start()
    waiting = b"\nalleyes_federation_waiting 1.0\n"
    eventually(lambda: waiting in service.stranger().ask("GET", "/metrics").body)
    assert member._connection is not None
    assert member._connection.sock is not None
    member._connection.sock.shutdown(2)
    eventually(lambda: waiting not in service.stranger().ask("GET", "/metrics").body)
    thread.join()


def _suppressed(member: Caller) -> None:
    try:
        member.ask("GET", WAIT)
    except OSError:
        return
    except Exception:  # noqa: BLE001 -- however http.client tells that the connection is gone
        return
