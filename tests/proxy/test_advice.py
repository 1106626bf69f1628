"""The operator is told once for each service what to change, and the audit log of every call."""

from __future__ import annotations

import pytest

from policy.verdict import Refusal, Verdict
from proxy import advice
from proxy.advice import Advice
from proxy.decoders.refusals import HTTP2
from tests.proxy.judged import LIGHT, Bench, request


class Log:
    def __init__(self) -> None:
        self.verdicts: list[Verdict] = []
        self.handshakes: list[tuple[str, str]] = []
        self.said: list[tuple[str, str]] = []
        self.advice = Advice(
            self,
            lambda ip, reason: self.handshakes.append((ip, reason)),
            lambda who, remedy: self.said.append((who, remedy)),
        )

    def record(self, verdict: Verdict) -> None:
        self.verdicts.append(verdict)


def verdicts(*sent: bytes) -> list[Verdict]:
    bench = Bench({"mode": "monitor"})
    for each in sent:
        bench.send(each, bench.connect())
    return bench.verdicts


XML = request("PUT", body={}).replace(b"Content-Type: application/json", b"Content-Type: application/xml")
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def test_what_to_change_is_said_once_for_each_service() -> None:
    log = Log()
    for verdict in verdicts(XML, XML, PREFACE, PREFACE, request()):
        log.advice.record(verdict)
    assert len(log.verdicts) == 5
    assert [who for who, _ in log.said] == [LIGHT, LIGHT]
    assert "let the service send JSON or CBOR" in log.said[0][1]
    assert "let the service use HTTP/1.1" in log.said[1][1]


def test_a_handshake_that_offers_only_http2_is_said_once_and_no_other() -> None:
    log = Log()
    for reason in (HTTP2, HTTP2, "certificate has expired"):
        log.advice.handshake_failed("192.0.2.9", reason)
    assert len(log.handshakes) == 3
    assert log.said == [("192.0.2.9", HTTP2)]


def test_other_refusals_are_left_to_the_audit_log() -> None:
    log = Log()
    (refused,) = verdicts(request("HEAD"))
    log.advice.record(refused)
    assert isinstance(refused.call.refusal, Refusal)
    assert log.said == []


def test_who_was_told_is_forgotten_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(advice, "_MOST", 2)
    log = Log()
    for ip in ("192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.3", "192.0.2.1", "192.0.2.2"):
        log.advice.handshake_failed(ip, HTTP2)
    assert [who for who, _ in log.said] == ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.2"]


def test_what_cannot_be_recorded_is_not_swallowed() -> None:
    class Full:
        def record(self, verdict: Verdict) -> None:
            raise RuntimeError("full")

    with pytest.raises(RuntimeError):
        Advice(Full(), lambda *_: None, lambda *_: None).record(verdicts(XML)[0])


def test_an_impostor_in_an_access_point_s_place_is_told_of_once() -> None:
    log = Log()
    for _ in range(3):
        log.advice.impostor("hue", "it shows another certificate")
    assert log.said == [("access point hue", "it shows another certificate")]
