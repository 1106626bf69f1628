from __future__ import annotations

from pathlib import Path

import pytest

from policy.quarantine import QuarantineEntry
from policy.verdict import Action, Sender, Strength
from proxy.audit.event import Kind
from proxy.audit.journal import Journal, JournalError
from proxy.audit.trail import AuditTrail, QuarantineChange
from proxy.inference import Otherwise
from tests.policy.calls import NOW
from tests.proxy.audit.events import records, verdict

ENTRY = QuarantineEntry(
    identity="/agent1/a",
    address="/agent1/a",
    ip="192.0.2.1",
    strength=Strength.CERTIFICATE,
    reason="rate: AV 40.0, quarantine from 30",
    verdict="v1",
    since=NOW,
    until=NOW + 60,
)


def test_verdicts_and_events_reach_the_log_with_real_time(tmp_path: Path) -> None:
    journal = Journal(tmp_path, linger=0)
    trail = AuditTrail(journal, lambda: NOW)
    trail.note(Kind.START, "The gateway started.", mode="learn")
    trail.record(verdict())
    trail.tls_refused("192.0.2.9", "certificate has expired")
    for change in ("added", "restored", "expired", "removed"):
        trail.quarantine(QuarantineChange(change, ENTRY, "192.0.2.1"))
    journal.close(timeout=30)

    found = records(tmp_path)
    assert [record["kind"] for record in found] == [
        "start",
        "verdict",
        "tls-refusal",
        "quarantine-added",
        "quarantine-restored",
        "quarantine-expired",
        "quarantine-removed",
    ]
    assert {record["time"] for record in found} == {"2025-11-13T02:13:20.000Z"}
    assert found[2]["sentence"] == "The TLS handshake with 192.0.2.9 failed: certificate has expired."
    details = found[3]["details"]
    assert isinstance(details, dict)
    assert (details["identity"], details["verdict"], details["until"]) == ("/agent1/a", "v1", NOW + 60)


def test_what_cannot_be_recorded_reaches_the_caller(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    trail = AuditTrail(journal, lambda: NOW)
    journal.close(timeout=30)

    with pytest.raises(JournalError):
        trail.record(verdict())


def test_what_the_gateway_does_in_a_service_s_name_names_the_refusal_that_led_to_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path, linger=0)
    refused = verdict()
    AuditTrail(journal, lambda: NOW).rolled_back("/agent1/light1", refused)
    journal.close(timeout=30)
    (found,) = records(tmp_path)
    address = refused.call.sender.address
    assert found["kind"] == "rollback"
    assert found["details"] == {"address": address, "node": "/agent1/light1", "verdict": refused.id}
    assert f"the transaction of {address} on /agent1/light1" in str(found["sentence"])


def test_a_flood_of_failed_handshakes_is_counted_not_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path, linger=0)
    now = NOW
    trail = AuditTrail(journal, lambda: now)
    for _ in range(50):
        trail.tls_refused("192.0.2.9", "unknown ca")
        trail.crowded("256 connections of 192.0.2.9 are open")
        trail.kernel_full(3)
    trail.tls_refused("192.0.2.10", "unknown ca")
    now += 11
    trail.tls_refused("192.0.2.9", "unknown ca")
    journal.close(timeout=30)

    found = records(tmp_path)
    assert [record["kind"] for record in found] == [
        "tls-refusal",
        "crowded",
        "kernel-full",
        "tls-refusal",
        "tls-refusal",
    ]
    assert "3 wait for room" in str(found[2]["sentence"])
    assert str(found[4]["sentence"]).endswith("So did 49 more like it.")


def test_sampled_calls_are_counted_each_minute_and_at_the_end(tmp_path: Path) -> None:
    now = NOW
    journal = Journal(tmp_path, linger=0)
    trail = AuditTrail(journal, lambda: now, every=5)
    for _ in range(10):
        trail.record(verdict(action=Action.FORWARD, av=0.2))
    trail.count()
    now += 60
    trail.count()
    trail.count()
    for _ in range(3):
        trail.record(verdict(action=Action.FORWARD, av=0.2))
    trail.record(verdict())
    trail.count(all_of_it=True)
    journal.close(timeout=30)

    found = records(tmp_path)
    assert [record["kind"] for record in found] == [*["verdict"] * 2, "counted", *["verdict"] * 2, "counted"]
    counted = [record["details"] for record in found if record["kind"] == "counted"]
    assert [each["calls"] for each in counted if isinstance(each, dict)] == [8, 2]
    assert (trail.forwarded, trail.refused) == (13, 1)


def test_what_was_counted_stays_counted_until_it_is_recorded(tmp_path: Path) -> None:
    journal = Journal(tmp_path, linger=0)
    trail = AuditTrail(journal, lambda: NOW, every=2)
    for _ in range(4):
        trail.record(verdict(action=Action.FORWARD, av=0.2))
    journal.close(timeout=30)
    for _ in range(2):
        with pytest.raises(JournalError):
            trail.count(all_of_it=True)


def test_a_certificate_from_elsewhere_is_told_once_in_a_while(tmp_path: Path) -> None:
    now = NOW
    journal = Journal(tmp_path, linger=0)
    trail = AuditTrail(journal, lambda: now)
    sender = verdict().call.sender
    for _ in range(3):
        trail.identity_conflict(sender, ["192.0.2.77"])
    now += 60
    trail.identity_conflict(sender, ["192.0.2.77"])
    now += 60
    trail.identity_conflict(sender, [])
    journal.close(timeout=30)
    *found, another = records(tmp_path)
    assert f"at {sender.ip}, but the inventory has another service there: it has moved" in str(another["sentence"])
    assert [record["kind"] for record in found] == ["identity-conflict"] * 2
    details = [record["details"] for record in found]
    assert [each["more"] for each in details if isinstance(each, dict)] == [0, 2]
    assert f"{sender.address} shows its certificate at {sender.ip}, but the inventory has it at 192.0.2.77" in str(
        found[0]["sentence"]
    )


def test_a_sender_that_fits_another_type_is_told_of(tmp_path: Path) -> None:
    journal = Journal(tmp_path, linger=0)
    trail = AuditTrail(journal, lambda: NOW)
    sender = Sender(address="ip:192.0.2.9", service_type=None, strength=Strength.UNKNOWN, ip="192.0.2.9")
    for _ in range(3):
        trail.inferred_otherwise(
            sender, Otherwise("/inferred/camera", "/inferred/panel", "its user agent", taken=False)
        )
    journal.close(timeout=30)
    (found,) = records(tmp_path)
    assert found["kind"] == "inference"
    assert str(found["sentence"]).startswith(
        "ip:192.0.2.9 was taken for /inferred/camera, and by its user agent it is /inferred/panel: it keeps its type."
    )
