"""The service as processes that are killed, and several of them over one database."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from models.contributions import Contribution
from models.exchange.pool import Pool
from models.exchange.shared import Shared
from models.exchange.showings import Showings
from tests.ports import free_port
from tests.proxy.federation.service.learnt import LIGHT, learnt, showing
from tests.proxy.federation.service.running import Caller, Place, told
from tests.site.postgres import dump, postgres_server, restore
from tests.waiting import eventually

ORIGINS = ("site-a", "site-b", "site-c")
FAST: dict[str, Any] = {"limits": {"requests_per_second": 10_000, "burst": 10_000}}


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Where commits reach the disk."""
    if request.param == "sqlite":
        yield Place(tmp_path, FAST)
        return
    with postgres_server(fsync=True) as server:
        yield Place(tmp_path, FAST | {"storage": {"postgres": {"dsn": server.new_database()}}})


def state_of(number: int, sequence: int) -> Contribution:
    """What the site with this number has learnt by then: more each time."""
    return learnt(weight=3 + 5 * number + sequence, epoch=1 + number, sequence=sequence)


def test_what_was_acknowledged_survives_sigkill_and_the_sums_are_those_without_it(place: Place) -> None:
    acknowledged: dict[str, Contribution] = {}
    with place.process() as process:
        members = {name: place.member(name) for name in ORIGINS}
        reader = place.member("reader")
        running = threading.Barrier(len(ORIGINS) + 1)

        def publish(number: int, name: str) -> None:
            for sequence in itertools.count(1):
                if sequence == 5:
                    running.wait()
                contribution = state_of(number, sequence)
                with contextlib.suppress(OSError, http.client.HTTPException):
                    if members[name].contribute(contribution).status == 204:
                        acknowledged[name] = contribution
                        continue
                return

        threads = [threading.Thread(target=publish, args=each) for each in enumerate(ORIGINS)]
        for thread in threads:
            thread.start()
        running.wait()
        process.send_signal(signal.SIGKILL)
        process.wait()
        for thread in threads:
            thread.join()
    assert acknowledged.keys() == set(ORIGINS)
    with place.process():
        for number, name in enumerate(ORIGINS):
            # What was under way may have been stored or not; who publishes says the same again until it is answered.
            last = state_of(number, acknowledged[name].sequence + 1)
            older = members[name].contribute(acknowledged[name])
            assert older.status == 204 or (older.status, older.json["sequence"]) == (409, last.sequence)
            assert members[name].contribute(last).status == 204
            acknowledged[name] = last
        for but, caller in [(None, reader), *members.items()]:
            wanted = without_faults(acknowledged, but=but)
            assert told(caller, LIGHT, wanted.version) == wanted


def test_two_processes_over_one_database_say_the_same_also_once_it_is_restored(tmp_path: Path, database: str) -> None:
    place = Place(tmp_path, FAST | {"storage": {"postgres": {"dsn": database}}})
    second = free_port()
    with place.process(), place.process(port=second):
        members = [
            place.member(name, port=port) for name, port in zip(ORIGINS, (place.port, second, second), strict=True)
        ]
        for sequence, (number, member) in itertools.product((1, 2, 3), enumerate(members)):
            assert member.contribute(state_of(number, sequence)).status == 204
        wanted = without_faults({name: state_of(number, 3) for number, name in enumerate(ORIGINS)}, but="site-a")
        # The same member, seen by each process.
        ends = [Caller(port, members[0].context) for port in (place.port, second)]

        def all_are_told(wanted: Shared) -> None:
            for end in ends:
                assert told(end, LIGHT, wanted.version) == wanted
            assert {end.model(LIGHT).etag for end in ends} == {f'"{wanted.version}"'}

        def both_show() -> None:
            for member in members[:2]:
                assert member.tell(Showings(instances={LIGHT: 3}, open=[showing()])).status == 204

        def rulings() -> set[tuple[int, int]]:
            """How many acceptances, and withdrawn ones, processes tell of."""
            told = [end.ask("GET", "/v1/acceptances").json for end in ends]
            return {(len(each["accepted"]), len(each["withdrawn"])) for each in told}

        all_are_told(wanted)
        backup = dump(database)
        assert members[2].contribute(state_of(2, 9)).status == 204
        assert members[2].contribute(learnt("/later")).status == 204
        both_show()
        eventually(lambda: rulings() == {(1, 0)})
        all_are_told(without_faults({"site-b": state_of(1, 3), "site-c": state_of(2, 9)}))

        # Both go on over a database that has less, and say what is in it: nothing of what came later.
        restore(database, backup)
        all_are_told(wanted)
        eventually(lambda: rulings() == {(0, 0)})
        eventually(lambda: [end.others("/later").elsewhere for end in ends] == [None] * 2)
        # What was lost is told again by who knows it, and counts, although there is soon more of it than there was.
        for sequence in range(4, 30):
            assert members[2].contribute(state_of(2, sequence)).status == 204
        both_show()
        eventually(lambda: rulings() == {(1, 0)})
        all_are_told(without_faults({"site-b": state_of(1, 3), "site-c": state_of(2, 29)}))

        operator = place.member("operator", "operator", port=second)
        assert operator.ask("DELETE", "/v1/origins/site-b").status == 204
        # The other process knows soon, also on the connection that is open there.
        other = Caller(place.port, members[1].context)
        eventually(lambda: other.contribute(state_of(1, 9)).status == 403)
        all_are_told(without_faults({"site-c": state_of(2, 29)}))
        eventually(lambda: rulings() == {(0, 1)})


def without_faults(states: dict[str, Contribution], *, but: str | None = None) -> Shared:
    pool = Pool(LIGHT)
    for name, contribution in states.items():
        pool.put(name, contribution)
    return pool.without(but)
