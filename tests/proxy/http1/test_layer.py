"""The layer as sequences of what comes and what goes."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.decoders.base import Answer, Outbound, Request
from proxy.http1.bad_message import BadMessage
from proxy.http1.call import Relayed, Ruling
from proxy.http1.deadlines import Deadline, Phase
from proxy.http1.head import HeadLimits
from proxy.http1.layer import Http1Layer
from proxy.http1.relay import MessageLimits
from proxy.http1.request_reader import Authority, RequestReader
from proxy.http1.room import BodyLimits, Room
from tests.proxy.http1.requests import HOSTILE
from tests.proxy.http1.wire import Wire

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
PUT = b"PUT /b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
SENT_GET = b"GET /a HTTP/1.1\r\nhost: up\r\n\r\n"
SENT_PUT = b"PUT /b HTTP/1.1\r\nhost: up\r\ncontent-length: 2\r\n\r\n{}"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
WAITING = 4096


class Echoing:
    """Passes every message of a channel on."""

    def opened(self, content_type: str | None) -> None:
        if content_type == "application/xml":
            raise BadMessage("bad-answer", "not judged")

    def from_service(self, content: bytes, *, text: bool) -> Relayed:
        assert text
        return Relayed(onward=content)

    from_access_point = from_service


@dataclass
class Judge:
    """Forwards whatever does not have `no` in its target, and keeps what it was told."""

    asked: list[Request] = field(default_factory=list)
    concluded: list[bool] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    begun: list[tuple[str, Request | None]] = field(default_factory=list)
    broken_at: list[str] = field(default_factory=list)
    misbehaviour: list[str] = field(default_factory=list)
    identity: str = "one"
    upgrades: bool = False

    def judge(self, request: Request) -> Ruling:
        self.asked.append(request)
        if "no" in request.target:
            undo = Outbound("POST", "/undo", (("host", "up"),), b"") if "undone" in request.target else None
            return Ruling(answer=Answer(403, (), b"no"), outbound=None, identity=self.identity, undo=undo)
        outbound = Outbound(request.method, request.target, (("host", "up"),), request.body)
        channel = Echoing() if self.upgrades else None
        stream = request.target == "/stream"
        lasting = request.target == "/events"
        return Ruling(None, outbound, self.identity, self.concluded.append, channel, stream=stream, lasting=lasting)

    def malformed(self, problem: BadMessage, line: str, begun: Request | None = None) -> Answer:
        self.problems.append(problem.code)
        self.begun.append((line, begun))
        return Answer(403, (), b"bad")

    def unavailable(self, message: str) -> Answer:
        return Answer(503, (), message.encode())

    def broken(self, place: str, error: BaseException) -> None:
        del error
        self.broken_at.append(place)

    def misbehaved(self, problem: BadMessage) -> None:
        self.misbehaviour.append(problem.code)


@dataclass
class Bench:
    judge: Judge = field(default_factory=Judge)
    room: Room = field(default_factory=lambda: Room(10_000))
    deadline: Deadline = field(default_factory=lambda: Deadline(dict.fromkeys(Phase, 10.0)))

    def wire(self, *, unreachable: str | None = None) -> Wire:
        limits = HeadLimits(line_bytes=1024, head_bytes=4096, fields=32)
        return Wire(
            lambda of: Http1Layer(
                of,
                judge=self.judge,
                requests=RequestReader(Authority("198.51.100.11", 8081), limits, BodyLimits(4096, 8192), self.room),
                deadline=self.deadline,
                answers=BodyLimits(4096, 8192),
                messages=MessageLimits(1000, 1000),
                waiting_bytes=WAITING,
            ),
            unreachable=unreachable,
        )


@pytest.mark.parametrize("step", [0, 1, 7])
def test_a_released_call_goes_on_and_its_answer_comes_back(step: int) -> None:
    bench = Bench()
    wire = bench.wire()
    assert wire.service(PUT, step=step) == b""
    assert (wire.opened, wire.to_access_point) == (1, SENT_PUT)
    assert wire.access_point(OK, step=step) == OK
    assert (bench.judge.concluded, wire.closed) == ([True], set())


def test_an_answer_that_lasts_has_a_longest_silence_and_no_end() -> None:
    now = 1000.0
    bench = Bench(deadline=Deadline(dict.fromkeys(Phase, 10.0) | {Phase.LASTING: 60.0}, lambda: now))
    wire = bench.wire()
    wire.service(GET.replace(b"/a", b"/events"))
    assert (bench.deadline.phase, bench.deadline.at) == (Phase.LASTING, 1060.0)
    now = 1050.0
    wire.access_point(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert bench.deadline.at == 1110.0
    assert bench.judge.concluded == [True], "what was judged now is not to be learnt in a week"
    for _ in range(10):
        now += 50.0
        assert wire.access_point(b"400\r\n%b\r\n" % (b"x" * 1024)).endswith(b"x\r\n")
        assert bench.deadline.at == now + 60.0
    assert wire.closed == set()
    wire.access_point(b"0\r\n\r\n")
    assert (bench.deadline.phase, bench.judge.concluded) == (Phase.IDLE, [True])
    wire.service(GET)
    assert bench.deadline.phase is Phase.ANSWER
    assert wire.access_point(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n").startswith(b"HTTP/1.1 503")


def test_an_answer_that_lasts_and_has_a_length_is_bounded_as_any_other() -> None:
    wire = Bench().wire()
    wire.service(GET.replace(b"/a", b"/events"))
    assert wire.access_point(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n").startswith(b"HTTP/1.1 503")


def test_a_refused_call_never_reaches_the_access_point() -> None:
    bench = Bench()
    wire = bench.wire()
    answer = wire.service(GET.replace(b"/a", b"/no"))
    assert answer == b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno"
    assert (wire.opened, wire.closed) == (0, {"service"})


def test_calls_that_come_at_once_are_judged_one_by_one() -> None:
    bench = Bench()
    wire = bench.wire()
    wire.service(GET + PUT + GET.replace(b"/a", b"/no") + GET)
    assert (len(bench.judge.asked), wire.to_access_point) == (1, SENT_GET)
    wire.access_point(OK)
    assert (len(bench.judge.asked), wire.to_access_point) == (2, SENT_GET + SENT_PUT)
    assert b" 403 " in wire.access_point(OK)
    assert (len(bench.judge.asked), wire.to_access_point) == (3, SENT_GET + SENT_PUT)


def test_a_stream_takes_room_until_it_is_answered_or_its_connection_ends() -> None:
    head = b"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\nContent-Length: 8000\r\n\r\n"
    bench = Bench()
    wire = bench.wire()
    wire.service(head + b"x" * 8000)
    assert bench.room.taken == 8000
    wire.access_point(OK)
    assert bench.room.taken == 0
    wire.service(head + b"x" * 5000)
    assert bench.room.taken == 5000
    wire.service_leaves()
    assert bench.room.taken == 0


def test_the_answer_to_a_stream_has_a_limit_of_its_own() -> None:
    bench = Bench()
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 6000\r\n\r\n" + b"x" * 6000
    wire = bench.wire()
    wire.service(GET.replace(b"/a", b"/stream"))
    assert wire.access_point(answer).endswith(b"x" * 6000)
    wire.service(GET)
    wire.access_point(answer)
    assert bench.judge.misbehaviour == ["bad-answer"]


def test_one_connection_of_a_service_has_one_to_its_access_point() -> None:
    wire = Bench().wire()
    for _ in range(3):
        wire.service(GET)
        wire.access_point(OK)
    assert wire.opened == 1


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_request_is_answered_recorded_and_ends_the_connection(name: str) -> None:
    data, code = HOSTILE[name]
    bench = Bench()
    wire = bench.wire()
    assert wire.service(data).startswith(b"HTTP/1.1 403 ")
    assert (bench.judge.problems, bench.judge.asked) == ([code], [])
    assert (wire.opened, wire.closed) == (0, {"service"})
    assert wire.service(GET) == b""


@given(st.lists(st.sampled_from([GET, PUT]), min_size=1, max_size=4), st.integers(1, 60), st.integers(1, 60))
def test_how_bytes_are_split_makes_no_difference(calls: list[bytes], there: int, back: int) -> None:
    bench = Bench()
    wire = bench.wire()
    wire.service(b"".join(calls), step=there)
    for _ in calls:
        wire.access_point(OK, step=back)
    assert wire.to_access_point == b"".join(SENT_GET if call is GET else SENT_PUT for call in calls)
    assert wire.to_service == OK * len(calls)
    assert bench.judge.concluded == [True] * len(calls)


def test_a_service_that_waits_for_a_go_on_hears_it_from_the_gateway() -> None:
    wire = Bench().wire()
    head = PUT.replace(b"\r\n\r\n{}", b"\r\nExpect: 100-continue\r\n\r\n")
    assert wire.service(head) == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert wire.opened == 0
    wire.service(b"{}")
    assert wire.to_access_point == SENT_PUT


def test_an_access_point_that_cannot_be_reached_is_told_and_nothing_is_sent_twice() -> None:
    bench = Bench()
    wire = bench.wire(unreachable="connection refused")
    assert b" 503 " in wire.service(PUT)
    assert (bench.judge.concluded, wire.opened, wire.closed) == ([False], 1, {"service"})


def test_what_undoes_is_sent_first_and_its_answer_stays_here() -> None:
    bench = Bench()
    wire = bench.wire()
    assert wire.service(GET.replace(b"/a", b"/no-undone")) == b""
    assert wire.to_access_point.startswith(b"POST /undo HTTP/1.1")
    assert wire.access_point(OK[:-1]) == b""
    answer = wire.access_point(OK[-1:])
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert answer.endswith(b"no")
    assert (bench.judge.concluded, wire.closed) == ([], {"service", "access point"})


def test_the_refusal_stands_where_nothing_can_be_undone() -> None:
    wire = Bench().wire(unreachable="connection refused")
    answer = wire.service(GET.replace(b"/a", b"/no-undone"))
    assert (answer[:13], answer.count(b"HTTP/1.1")) == (b"HTTP/1.1 403 ", 1)


def test_a_connection_that_the_access_point_closed_closes_towards_the_service() -> None:
    wire = Bench().wire()
    wire.service(GET)
    wire.access_point(OK)
    assert wire.access_point_leaves() == b""
    assert "service" in wire.closed


def test_a_call_whose_answer_never_came_is_not_sent_again() -> None:
    bench = Bench()
    wire = bench.wire()
    wire.service(PUT)
    assert b" 503 " in wire.access_point_leaves()
    assert (wire.to_access_point, bench.judge.concluded) == (SENT_PUT, [False])
    assert bench.judge.misbehaviour == ["bad-answer"]


def test_an_answer_that_breaks_off_after_it_began_is_not_completed_by_anything_of_ours() -> None:
    wire = Bench().wire()
    wire.service(GET)
    begun = wire.access_point(OK[:-1])
    assert wire.access_point_leaves() == b""
    assert wire.to_service == begun
    assert "service" in wire.closed


def test_an_answer_of_unknown_length_is_passed_on_in_chunks_and_ends_the_connection() -> None:
    bench = Bench()
    wire = bench.wire()
    wire.service(GET)
    wire.access_point(b"HTTP/1.1 200 OK\r\n\r\nhel")
    wire.access_point(b"lo")
    wire.access_point_leaves()
    assert wire.to_service == (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
    ) or wire.to_service.endswith(b"\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n")
    assert (bench.judge.concluded, "service" in wire.closed) == ([True], True)


@pytest.mark.parametrize("answer", [OK, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"])
def test_what_answers_no_call_never_reaches_the_service(answer: bytes) -> None:
    bench = Bench()
    wire = bench.wire()
    wire.service(GET)
    wire.access_point(answer)
    assert wire.access_point(answer) == b""
    assert bench.judge.misbehaviour == ["bad-answer"]
    assert wire.closed == {"service", "access point"}


def test_an_answer_with_another_behind_it_is_not_passed_on_as_two() -> None:
    bench = Bench()
    wire = bench.wire()
    wire.service(GET + GET)
    got = wire.access_point(OK + OK)
    assert got.count(b" 200 ") == 0
    assert wire.closed == {"service", "access point"}
    assert bench.judge.concluded == [False]


def test_interim_answers_stay_here() -> None:
    wire = Bench().wire()
    wire.service(GET)
    assert wire.access_point(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + OK) == OK


def test_the_answer_to_a_head_has_no_body() -> None:
    wire = Bench().wire()
    wire.service(GET.replace(b"GET", b"HEAD"))
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"
    assert wire.access_point(head) == head
    wire.service(GET)
    assert wire.access_point(OK) == OK


@pytest.mark.parametrize("who", ["service", "access point"])
def test_a_wish_to_close_is_followed_after_the_answer(who: str) -> None:
    wire = Bench().wire()
    closing = b"\r\nConnection: close\r\n\r\n"
    wire.service(GET.replace(b"\r\n\r\n", closing) if who == "service" else GET)
    got = wire.access_point(OK if who == "service" else OK.replace(b"\r\n\r\n", closing))
    assert b"\r\nconnection: close\r\n" in got.lower()
    assert wire.closed == {"service", "access point"}


def test_what_piles_up_during_a_call_is_bounded() -> None:
    bench = Bench()
    wire = bench.wire()
    wire.service(PUT)
    wire.service(b"x" * WAITING)
    assert wire.closed == set()
    wire.service(b"x")
    assert wire.closed == {"service", "access point"}
    assert (bench.judge.problems, bench.judge.concluded) == (["too-much-waiting"], [False])


def test_a_connection_belongs_to_one_identity() -> None:
    bench = Bench()
    wire = bench.wire()
    wire.service(GET)
    wire.access_point(OK)
    bench.judge.identity = "another"
    assert b" 503 " in wire.service(GET)
    assert wire.to_access_point == SENT_GET
    assert wire.closed == {"service", "access point"}


def test_whatever_raises_refuses_and_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    wire = bench.wire()

    def fail(*_: object) -> Ruling:
        raise RuntimeError("a defect")

    monkeypatch.setattr(bench.judge, "judge", fail)
    assert b" 503 " in wire.service(GET)
    assert (wire.opened, wire.closed, bench.judge.broken_at) == (0, {"service"}, ["http1"])


def test_even_a_failing_answer_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    wire = bench.wire()
    monkeypatch.delattr(Judge, "judge")
    monkeypatch.delattr(Judge, "unavailable")
    assert wire.service(GET) == b""
    assert wire.closed == {"service"}


def test_a_service_that_leaves_ends_its_call() -> None:
    bench = Bench()
    wire = bench.wire()
    wire.service(PUT)
    wire.service_leaves()
    assert (bench.judge.concluded, "access point" in wire.closed) == ([False], True)


SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"


def test_an_upgraded_connection_is_relayed_from_its_first_byte_on() -> None:
    bench = Bench(Judge(upgrades=True))
    wire = bench.wire()
    masked = b"\x81\x82\0\0\0\0hi"
    wire.service(GET + masked)
    got = wire.access_point(SWITCHING + b"\r\n\x81\x02yo")
    assert got.endswith(b"\r\n\r\n\x81\x02yo")
    assert wire.to_access_point.startswith(SENT_GET)
    assert len(wire.to_access_point) == len(SENT_GET) + len(masked)
    assert bench.deadline.phase is Phase.CHANNEL
    assert bench.judge.concluded == [True]


@pytest.mark.parametrize("upgrades", [True, False])
def test_extensions_that_nobody_offered_and_upgrades_that_nobody_asked_for_are_refused(upgrades: bool) -> None:
    bench = Bench(Judge(upgrades=upgrades))
    wire = bench.wire()
    wire.service(GET)
    extension = b"Sec-WebSocket-Extensions: permessage-deflate\r\n" if upgrades else b""
    assert b" 503 " in wire.access_point(SWITCHING + extension + b"\r\n")
    assert bench.judge.misbehaviour == ["bad-answer"]


def test_the_format_of_a_channel_is_the_one_that_the_access_point_names() -> None:
    for named in (b"Content-Type: application/xml\r\n", b"Content-Type: a/b\r\ncontent-type: a/b\r\n"):
        bench = Bench(Judge(upgrades=True))
        wire = bench.wire()
        wire.service(GET)
        assert b" 503 " in wire.access_point(SWITCHING + named + b"\r\n")
        assert (bench.judge.misbehaviour, bench.judge.concluded) == (["bad-answer"], [False])


def test_a_channel_that_the_access_point_gives_up_for_a_newer_one_ends() -> None:
    wire = Bench(Judge(upgrades=True)).wire()
    wire.service(GET)
    wire.access_point(SWITCHING + b"\r\n")
    wire.access_point_leaves()
    assert "service" in wire.closed


def test_a_broken_frame_ends_both_connections() -> None:
    bench = Bench(Judge(upgrades=True))
    wire = bench.wire()
    wire.service(GET)
    wire.access_point(SWITCHING + b"\r\n")
    wire.service(b"\x81\x02hi")
    assert (bench.judge.problems, wire.closed) == (["malformed-frame"], {"service", "access point"})


def test_phases_follow_what_the_connection_waits_for() -> None:
    bench = Bench()
    wire = bench.wire()
    phases = [bench.deadline.phase]
    for data in (PUT[:5], PUT[5:-1], PUT[-1:]):
        wire.service(data)
        phases.append(bench.deadline.phase)
    wire.access_point(OK)
    phases.append(bench.deadline.phase)
    assert phases == [Phase.FIRST_REQUEST, Phase.HEAD, Phase.BODY, Phase.ANSWER, Phase.IDLE]


def test_a_head_that_drips_in_keeps_its_deadline() -> None:
    bench = Bench()
    wire = bench.wire()
    wire.service(GET[:1])
    begun = bench.deadline.at
    wire.service(GET[1:-1], step=1)
    assert (bench.deadline.phase, bench.deadline.at) == (Phase.HEAD, begun)
