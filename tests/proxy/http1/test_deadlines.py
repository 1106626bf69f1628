from __future__ import annotations

from proxy.http1.deadlines import Deadline, Phase


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_single_bytes_do_not_renew_a_phase_but_the_next_one_has_its_own_time() -> None:
    clock = Clock()
    deadline = Deadline({phase: 10.0 + number for number, phase in enumerate(Phase)}, clock)
    assert (deadline.phase, deadline.at) == (Phase.HANDSHAKE, 110)
    deadline.enter(Phase.HEAD)
    begun = deadline.at
    clock.now += 5
    deadline.enter(Phase.HEAD)
    assert deadline.at == begun
    deadline.enter(Phase.BODY)
    assert deadline.at == 105 + 13


def test_what_was_completed_renews_a_phase() -> None:
    clock = Clock()
    deadline = Deadline(dict.fromkeys(Phase, 10.0), clock)
    clock.now += 7
    deadline.renew()
    assert deadline.at == 117
