from __future__ import annotations

from proxy.processes.messages import TypeStatus
from proxy.supervisor.status import Past, added, together
from tests.proxy.parts import beat, status

OWN = status(workers=(), connections=0, forwarded=0, refused=0, service_types={}, broken=1, event_time=5)


def test_counts_of_all_workers_add_up() -> None:
    types = {"/a": TypeStatus("learn", 5, 1), "/b": TypeStatus("learn", 7, 1)}
    beats = [beat(connections=2, forwarded=10, refused=1, broken=2), beat(connections=3, service_types=types), None]
    found = together(OWN, beats, Past())
    assert (found.connections, found.forwarded, found.refused, found.broken) == (5, 110, 3, 3)
    assert found.workers == tuple(beats)
    assert found.service_types == types
    assert found.event_time == beat().event_time


def test_one_audit_log_that_fails_is_told() -> None:
    assert (
        together(OWN, [beat(), beat(audit_error="No space left", audit_lost=3)], Past()).audit_error == "No space left"
    )
    assert together(status(audit_error="of the supervisor"), [beat()], Past()).audit_error == "of the supervisor"


def test_before_any_worker_has_spoken() -> None:
    found = together(OWN, [None], Past())
    assert (found.connections, found.service_types, found.event_time) == (0, {}, 5)


def test_what_ended_workers_counted_is_not_forgotten() -> None:
    past = added(added(Past(), beat(forwarded=10, refused=1)), beat(forwarded=5, broken=2, audit_lost=3))
    assert added(past, None) == past
    found = together(OWN, [beat(forwarded=1, refused=0)], past)
    assert (found.forwarded, found.refused, found.broken, found.audit_lost) == (16, 3, 3, 3)
