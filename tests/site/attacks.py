"""Attacks on the live site, under the identity of the compromised service."""

from __future__ import annotations

import math

import msgspec

from models.simulation.intrusion import Intrusion
from models.simulation.step import Answer
from tests.site.calls import Outcome, Tally, perform
from tests.site.clock import Clock
from tests.site.vsl_client import Invocation, VslClient

DENIED = frozenset({Outcome.REFUSED, Outcome.SILENT})
GIVE_UP_AFTER = 3
"""Calls in a row without any answer, after which the attacker is taken to be cut off."""


class AttackReport(msgspec.Struct, kw_only=True):
    """What became of an attack."""

    label: str
    """Its class."""
    attacker: str
    tally: Tally
    planned: int
    """Calls that were to be made; fewer are made by an attacker who is cut off."""
    first_refused: int | None = None
    """Which call, counted from 1, was the first one denied; `None`: none was."""
    cut_off: bool = False
    """Whether the attacker ended in silence."""


async def drive(intrusion: Intrusion, client: VslClient, clock: Clock, lasting: float = math.inf) -> AttackReport:
    """Make an attack's own calls, beginning now; ends early when the attacker is cut off.

    Args:
        intrusion: What calls there are, and when.
        client: Makes them.
        clock: Event time.
        lasting: Milliseconds of event time for which the attack goes on; the rest of it is left out.
    """
    report = AttackReport(
        label=intrusion.label,
        attacker=intrusion.attacker.address,
        tally=Tally(),
        planned=sum(step.time < lasting for step in intrusion.steps),
    )
    behaviour = intrusion.behaviour(clock.event_now())
    silent = 0
    for _ in range(report.planned):
        step = behaviour.take()
        await clock.sleep_until(step.time)
        outcome, value = await perform(client, step, ignore)
        behaviour.answer(Answer(clock.event_now(), value))
        report.tally.count(outcome)
        if outcome in DENIED and report.first_refused is None:
            report.first_refused = report.tally.calls
        silent = silent + 1 if outcome is Outcome.SILENT else 0
        if silent == GIVE_UP_AFTER:
            report.cut_off = True
            break
    return report


def ignore(frame: Invocation) -> None:
    """Take no notice of callbacks."""
